"""Backing services: add, attach, detach, remove. Each makes a release of the app, without its release command."""

import contextlib
from collections.abc import Callable, Iterator

from twelve.core.errors import Conflict, UsageError
from twelve.core.model import App, Attachment, Resource, Slug
from twelve.core.policy.services import provider_of, unknown_addons, wanted
from twelve.core.ports import Progress
from twelve.flow.configure import release_again
from twelve.flow.platform import Platform
from twelve.flow.releasing import effective

URL = "url"  # the provider of services given by their URL


def add(
    platform: Platform, app: App, plan: str, name: str | None, attachment: str | None, user: str
) -> tuple[Resource, Attachment]:
    """Make a database, bucket ... for this app and attach it."""
    with platform.database.lock(app.id, "release"):
        resource, made = create(platform, app, plan, name, attachment)
        say(platform, app, f"@ref:{resource.name} completed provisioning, setting {made.name}_URL. by user {user}")
        with undoing(lambda: destroy(platform, resource)):
            _release(platform, app, f"Attach {made.name}", resource, user)
    return resource, made


def provision(platform: Platform, app: App, slug: Slug, progress: Progress, user: str) -> None:
    """Add what a codebase asks for and its config does not hold yet. The deploy that asks makes the release."""
    for unknown in unknown_addons(slug.manifest):
        progress.line(
            f'Note: app.json asks for "{unknown}", which is no service here; `twelve config set` sets its keys.'
        )
    for want in wanted(slug.manifest, slug.required_keys):
        provider = platform.providers[want.provider]
        held = effective(platform, app)
        absent = [name for name in (want.attachment, *want.also) if held.keys().isdisjoint(provider.keys(name))]
        if absent:
            progress.step(f"Adding {want.provider} as {', '.join(absent)}")
            resource, _ = create(platform, app, want.provider, None, absent[0])
            for name in absent[1:]:
                platform.attachments.create(app.id, resource.id, name)
            progress.line(f"{resource.name} ({provider.version()})")
            say(platform, app, f"@ref:{resource.name} completed provisioning, setting {absent[0]}_URL. by user {user}")


def create(
    platform: Platform, app: App, plan: str, name: str | None, attachment: str | None
) -> tuple[Resource, Attachment]:
    kind = provider_of(plan)
    if kind is None or kind not in platform.providers:
        raise UsageError(f'There is no service "{plan}".', hint=f"There are {', '.join(sorted(platform.providers))}.")
    provider = platform.providers[kind]
    wanted = free_name(platform, app, attachment or provider.default_attachment, given=attachment is not None)
    name = platform.resources.free_name(kind, name)
    provider.ensure_running()
    details = provider.create(name)
    resource = platform.resources.create(app.id, name=name, provider=kind, plan=plan, details=details)
    return resource, platform.attachments.create(app.id, resource.id, wanted)


def attach(
    platform: Platform, app: App, resource: Resource, name: str | None, user: str, *, replace: bool = False
) -> Attachment:
    default = platform.providers[resource.provider].default_attachment
    with platform.database.lock(app.id, "release"), giving_way(platform, app, name or default, asked=replace):
        wanted = free_name(platform, app, name or default, given=name is not None)
        made = platform.attachments.create(app.id, resource.id, wanted)
        with undoing(lambda: platform.attachments.delete(made.id)):
            _release(platform, app, f"Attach {made.name}", resource, user)
    return made


def attach_url(platform: Platform, app: App, key: str, url: str, user: str, *, replace: bool = False) -> Attachment:
    """A service that runs elsewhere, by its URL: to the app there is no difference."""
    details = platform.providers[URL].create(f"{key.upper()}={url}")
    attachment = key.upper().removesuffix("_URL")
    with platform.database.lock(app.id, "release"), giving_way(platform, app, attachment, asked=replace):
        wanted = free_name(platform, app, attachment, given=True)
        name = platform.resources.free_name(URL, None)
        resource = platform.resources.create(app.id, name=name, provider=URL, plan=URL, details=details)
        made = platform.attachments.create(app.id, resource.id, wanted)
        with undoing(lambda: destroy(platform, resource)):
            _release(platform, app, f"Attach {made.name}", resource, user)
    return made


def detach(platform: Platform, app: App, attachment: Attachment, user: str) -> None:
    with platform.database.lock(app.id, "release"):
        resource = platform.resources.get(attachment.resource_id)
        platform.attachments.delete(attachment.id)
        with undoing(lambda: platform.attachments.create(app.id, resource.id, attachment.name)):
            _release(platform, app, f"Detach {attachment.name}", resource, user)


def remove(platform: Platform, resource: Resource, user: str) -> Resource:
    """Detach it everywhere, then destroy its data."""
    for attachment in platform.attachments.of_resource(resource.id):
        detach(platform, platform.apps.get(attachment.app_id), attachment, user)
    destroy(platform, resource)
    return resource


def destroy(platform: Platform, resource: Resource) -> None:
    platform.providers[resource.provider].destroy(resource.details)
    platform.resources.delete(resource.id)  # and with it every attachment


@contextlib.contextmanager
def giving_way(platform: Platform, app: App, name: str, *, asked: bool) -> Iterator[None]:
    """One release exchanges a service that the app is never without. The former one and its data stay."""
    former = [made for made in platform.attachments.list(app.id) if asked and made.name == spelled(name)]
    if not former:
        yield
        return
    platform.attachments.delete(former[0].id)
    with undoing(lambda: platform.attachments.create(app.id, former[0].resource_id, former[0].name)):
        yield


@contextlib.contextmanager
def undoing(undo: Callable[[], object]) -> Iterator[None]:
    """When the app does not come up with the change, the change is taken back: config and processes go together."""
    try:
        yield
    except Exception:
        undo()
        raise


def _release(platform: Platform, app: App, what: str, resource: Resource, user: str) -> None:
    release_again(platform, app, f"{what} (@ref:{resource.name})", user, run_command=False)


def free_name(platform: Platform, app: App, name: str, *, given: bool) -> str:
    """A name asked for must be free; a default gets a number when it is taken."""
    taken = {attachment.name for attachment in platform.attachments.list(app.id)}
    name = spelled(name)
    if not name.isascii() or not name.replace("_", "a").isalnum() or name[0].isdigit():
        raise UsageError(f'"{name}" is not an attachment name: letters, digits and "_".')
    if name not in taken:
        return name
    if given:
        hint = "Choose another name, or exchange it: `twelve services attach --replace`."
        raise Conflict(f"{app.name} already has an attachment {name}.", hint=hint)
    return next(candidate for number in range(2, len(taken) + 3) if (candidate := f"{name}_{number}") not in taken)


def spelled(name: str) -> str:
    return name.upper().replace("-", "_")


def say(platform: Platform, app: App, text: str) -> None:
    platform.logs.write(app.name, "api", text, source="app")
