"""Rollback: a new release with the slug, the config and the attachments of an earlier one. Nothing is built."""

from twelve.core.errors import ReleaseError, TwelveError
from twelve.core.model import App, Release, ReleaseStatus
from twelve.flow.configure import restore_layers
from twelve.flow.platform import Platform
from twelve.flow.releasing import Serving, Silent, draft, slug_of, started


def rollback(platform: Platform, app: App, ref: str | None, user: str) -> Release:
    """Without `ref`: to the release before the current one. Returns when it serves."""
    with platform.database.lock(app.id, "release"):
        app = platform.apps.get(app.id)
        target = _target(platform, app, ref)
        before = platform.config.dotenv(app.id), platform.config.get(app.id)
        attachments = {attachment.name: attachment for attachment in platform.attachments.list(app.id)}
        try:
            restore_layers(platform, app, target.dotenv, target.own)
            _restore_attachments(platform, app, target)
            return _release(platform, app, target, user)
        except TwelveError:
            restore_layers(platform, app, *before)
            for attachment in platform.attachments.list(app.id):
                platform.attachments.delete(attachment.id)
            for attachment in attachments.values():
                platform.attachments.create(app.id, attachment.resource_id, attachment.name)
            raise


def eligible(releases: list[Release]) -> list[Release]:
    """Newest first: everything that has served and has something to run."""
    return [r for r in reversed(releases) if r.status == ReleaseStatus.SUCCEEDED and r.slug_id is not None]


def _target(platform: Platform, app: App, ref: str | None) -> Release:
    if ref is not None:
        target = platform.releases.get(app.id, ref)
        if target.status != ReleaseStatus.SUCCEEDED:
            raise ReleaseError(f"v{target.version} never served, so there is nothing to go back to.")
        return target
    earlier = eligible(platform.releases.list(app.id))[1:]
    if not earlier:
        raise ReleaseError(f"{app.name} has no earlier release to go back to.")
    return earlier[0]


def _restore_attachments(platform: Platform, app: App, target: Release) -> None:
    """Under the names they had then; a service that was destroyed meanwhile cannot come back."""
    by_name = {resource.name: resource for resource in platform.resources.list()}
    gone = [name for name in target.attachments.values() if name not in by_name]
    if gone:
        raise ReleaseError(f"v{target.version} used {', '.join(gone)}, which has been removed since.")
    for attachment in platform.attachments.list(app.id):
        platform.attachments.delete(attachment.id)
    for name, resource in target.attachments.items():
        platform.attachments.create(app.id, by_name[resource].id, name)


def _release(platform: Platform, app: App, target: Release, user: str) -> Release:
    slug = slug_of(platform, target)
    description = f"Rollback to v{target.version}"
    platform.logs.write(app.name, "api", f"{description} by user {user}", source="app")
    release = platform.releases.create(draft(platform, app, slug, description, user))
    return Serving(platform, started(platform, app), release, slug, Silent(), urgent=True).run()
