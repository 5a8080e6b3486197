"""Log drains of an app: added, removed, listed; all of them at work again when the platform starts."""

from collections.abc import Sequence
from ipaddress import ip_address

from twelve.core.errors import Conflict, NotFound, UsageError
from twelve.core.formats import drain_url
from twelve.core.formats.drain_url import DrainUrl
from twelve.core.model import App, Drain
from twelve.core.policy import drain as policy
from twelve.flow import specs
from twelve.flow.platform import Platform


def add(platform: Platform, app: App, url: str, user: str) -> Drain:
    read = drain_url.parse(url)
    _check(platform, app, read)
    with platform.database.lock(app.id, "drains"):
        if any(drain.url == url for drain in platform.drains.list(app.id)):
            raise Conflict(f"{app.name} already has a drain to this URL.", resource="log_drain")
        drain = platform.drains.create(app.id, url)
        platform.drain_keeper.run(app.name, drain)
    platform.logs.write(app.name, "api", f"Add drain to {read.origin} by user {user}", source="app")
    return drain


def remove(platform: Platform, app: App, ref: str, user: str) -> Drain:
    """`ref`: its URL, with or without what listings hide, its id or its token."""
    with platform.database.lock(app.id, "drains"):
        drain = get(platform, app, ref)
        platform.drains.delete(drain.id)
        platform.drain_keeper.end([drain])
    origin = drain_url.parse(drain.url).origin
    platform.logs.write(app.name, "api", f"Remove drain to {origin} by user {user}", source="app")
    return drain


def get(platform: Platform, app: App, ref: str) -> Drain:
    drains = platform.drains.list(app.id)
    found = [drain for drain in drains if ref in {drain.url, str(drain.id), drain.token}]
    found = found or [drain for drain in drains if ref == drain_url.shown(drain.url)]
    if len(found) > 1:
        raise UsageError(f"{app.name} has several drains that are listed so.", hint="Name the one you mean by its id.")
    if not found:
        raise NotFound(f"{app.name} has no such drain.", resource="log_drain", hint="`twelve drains` lists them.")
    return found[0]


def run_all(platform: Platform, apps: Sequence[App]) -> None:
    """Before processes are adopted: what they printed while nobody read is drained too."""
    names = {app.id: app.name for app in apps}
    for drain in platform.drains.list():
        if drain.app_id in names:
            platform.drain_keeper.run(names[drain.app_id], drain)


def _check(platform: Platform, app: App, url: DrainUrl) -> None:
    """What a name leads to is judged when it is resolved: at each connection."""
    own = {specs.host(app), *(domain.hostname for domain in platform.apps.domains(app.id))}
    if url.is_http and url.host in own:
        raise UsageError(
            f"A drain of {app.name} cannot lead to {app.name}: each delivery would make a line to deliver."
        )
    try:
        reason = policy.refusal(ip_address(url.host))
    except ValueError:  # a name
        return
    if reason:
        raise UsageError(f"{url.host} is {reason} address; nothing is sent there.")
