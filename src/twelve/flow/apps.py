"""Apps as a whole: create, destroy, stop, start, their domains and maintenance mode."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from twelve.core.errors import UsageError
from twelve.core.model import App, Domain
from twelve.core.model.app import PREVIEW
from twelve.core.policy.strays import strays as left_over
from twelve.flow import attach, specs, variants
from twelve.flow.changeover import Changeover, drained
from twelve.flow.platform import Platform
from twelve.flow.releasing import Silent, kept_processes, roll_out
from twelve.flow.specs import slug_of

HOSTNAME = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


def create(platform: Platform, name: str | None, user: str) -> App:
    app = platform.apps.create(name, user)
    set_hosts(platform, app)
    platform.keeper.refresh(app)
    return app


def destroy(platform: Platform, app: App, user: str) -> App:
    """Processes, services with their data, config, releases: everything of it."""
    with platform.database.lock(app.id, "release"):
        platform.engine.stop(process.id for process in platform.engine.processes(app.id))
        platform.router.forget(app.name)
        for attachment in platform.attachments.list(app.id):
            platform.attachments.delete(attachment.id)
    for resource in platform.resources.list(app.id):
        attach.remove(platform, resource, user)
    platform.drain_keeper.end(platform.drains.list(app.id))
    platform.apps.delete(app.id)
    platform.logs.forget(app.name)
    platform.traffic.forget(app.name)
    platform.restarts.forget(app.id)
    platform.builder.prune(_slugs_to_keep(platform))
    return app


def _slugs_to_keep(platform: Platform) -> set[str]:
    """Those of releases, and those so young that their release may be on its way."""
    young = datetime.now(UTC) - timedelta(hours=1)
    fresh = {slug.digest for slug in platform.slugs.list() if slug.created_at and slug.created_at > young}
    return platform.releases.slugs_in_use() | fresh


def stop(platform: Platform, app: App, user: str) -> None:
    """No new requests, then open ones finish, then every process ends. The formation is kept for `start`."""
    with platform.database.lock(app.id, "release"):
        app = platform.apps.change(app.id, stopped=True)
        platform.logs.write(app.name, "api", f"Stopped by user {user}", source="app")
        wind_down(platform, app)


def wind_down(platform: Platform, app: App) -> None:
    running = platform.engine.processes(app.id)
    web = [process for process in running if process.type == "web"]
    platform.keeper.switch(app, [], web)
    drained(platform, app, web)
    platform.engine.stop(process.id for process in running)
    for process in web:
        platform.router.remove(app.name, process.id)
    platform.keeper.refresh(app)


def start(platform: Platform, app: App, user: str) -> None:
    with platform.database.lock(app.id, "release"):
        app = platform.apps.change(app.id, stopped=False)
        platform.logs.write(app.name, "api", f"Started by user {user}", source="app")
        fill(platform, app)


def fill(platform: Platform, app: App) -> None:
    """Start what the formation has and nobody runs, then what a rollout adds to it."""
    release = platform.releases.current(app)
    slug = slug_of(platform, release)
    if release is None or slug is None:
        return
    formation = platform.formations.list(app.id)
    leaving = strays(platform, app)
    running = {(one.type, one.number) for one in kept_processes(platform, app) if one.id not in leaving}
    absent = [place for place in specs.places(formation) if place not in running and place[0] in slug.process_types]
    new = specs.kept(app, release, slug, absent, {entry.type: entry.size for entry in formation})
    platform.keeper.refresh(app)
    roll_out(platform, app, Changeover(platform, app, new, [], Silent()))
    variants.try_to_adjust(platform, app)


def strays(platform: Platform, app: App) -> set[UUID]:
    """Processes that an operation left over when the server died in the middle of it."""
    release = platform.releases.current(app)
    if app.stopped or release is None or release.slug_id is None:
        return {process.id for process in kept_processes(platform, app)}
    return left_over(kept_processes(platform, app), variants.expected(platform, app, release))


def add_domain(platform: Platform, app: App, hostname: str, user: str) -> Domain:
    if not HOSTNAME.fullmatch(hostname.lower()):
        raise UsageError(f'"{hostname}" is not a host name.')
    if PREVIEW.match(hostname.lower()):
        raise UsageError(f"{hostname} is where a release is previewed during a rollout.")
    domain = platform.apps.add_domain(app.id, hostname)
    set_hosts(platform, app)
    platform.logs.write(app.name, "api", f"Add {domain.hostname} domain by user {user}", source="app")
    return domain


def remove_domain(platform: Platform, app: App, ref: str, user: str) -> Domain:
    domain = platform.apps.remove_domain(app.id, ref)
    set_hosts(platform, app)
    platform.logs.write(app.name, "api", f"Remove {domain.hostname} domain by user {user}", source="app")
    return domain


def set_maintenance(platform: Platform, app: App, on: bool, user: str) -> App:
    app = platform.apps.change(app.id, maintenance=on)
    platform.logs.write(app.name, "api", f"Maintenance mode {'on' if on else 'off'} by user {user}", source="app")
    platform.keeper.refresh(app)
    return app


def set_hosts(platform: Platform, app: App) -> None:
    names = [domain.hostname for domain in platform.apps.domains(app.id)]
    platform.router.set_hosts(app.name, [specs.host(app), *names])
