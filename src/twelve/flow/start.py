"""The platform's own start and stop. A start is an adoption: what still runs is taken over, what is missing is started.

services ▶ adopt processes ▶ router told the truth ▶ missing processes     and back in the other order
"""

import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from twelve.core.errors import NotFound, TwelveError
from twelve.core.model import App, ConfigVars, Process, ProcessSpec, Release, Rollout, RolloutStatus, Slug
from twelve.core.ports import PlatformProcess
from twelve.flow import apps, drains, specs, variants
from twelve.flow.changeover import retire
from twelve.flow.configure import release_again
from twelve.flow.keep import WEB
from twelve.flow.platform import Platform
from twelve.flow.releasing import attached_config, is_one_off, kept_processes
from twelve.flow.rollback import resume_probation
from twelve.flow.rollout_ending import abort_if_running, settle
from twelve.flow.specs import slug_of
from twelve.stages.build.store import Builds
from twelve.stages.release.store import Releases

log = logging.getLogger(__name__)

LOCKS_GONE = 2.0  # seconds until the database has noticed that a killed server no longer holds its locks


def start(platform: Platform) -> None:
    """Take over what runs; afterwards every app that served before serves again."""
    _fail_what_nobody_does(platform)
    _start_services(platform)
    everything = platform.apps.list()
    drains.run_all(platform, everything)
    platform.engine.adopt(_specs_on_record(platform))
    for unknown in platform.router.known().keys() - {app.name for app in everything}:
        platform.router.forget(unknown)
    rollouts = platform.rollouts.latest()
    for app in everything:
        _tell_router(platform, app, rollouts.get(app.id))
        resume_probation(platform, app)


def bring_up(platform: Platform) -> None:
    """Start what the formations have and nobody runs, every app by itself."""
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="bring up") as pool:
        list(pool.map(lambda app: _bring_up(platform, app), platform.apps.list()))


def stop(platform: Platform) -> None:
    """Every app drained and stopped, side by side. Their formations stay: the next start brings them back."""
    with ThreadPoolExecutor(max_workers=16, thread_name_prefix="stop") as pool:
        list(pool.map(lambda app: apps.wind_down(platform, app), platform.apps.list()))


def status(platform: Platform) -> list[PlatformProcess]:
    """Every process of the platform; those of the apps are `engine.processes()`."""
    server = PlatformProcess("server", "server", os.getpid(), f"twelve {platform.version}")
    services = [process for provider in platform.providers.values() for process in provider.processes()]
    return [server, *platform.router.processes(), *services, *platform.engine.platform_processes()]


def _fail_what_nobody_does(platform: Platform) -> None:
    """What a server left half-way when it died. Who still works on it, on another server, holds the lock of it."""
    stores: Sequence[tuple[Builds | Releases, str]] = ((platform.builds, "deploy"), (platform.releases, "release"))
    deadline = time.monotonic() + LOCKS_GONE
    for store, purpose in stores:
        waiting = store.pending()
        while waiting:
            waiting -= {app_id for app_id in waiting if _fail_unless_locked(platform, store, app_id, purpose)}
            if not waiting or time.monotonic() > deadline:
                break
            time.sleep(0.05)


def _fail_unless_locked(platform: Platform, store: Builds | Releases, app_id: UUID, purpose: str) -> bool:
    with platform.database.try_lock(app_id, purpose) as free:
        if free:
            store.fail_pending(app_id)
    return free


def _start_services(platform: Platform) -> None:
    by_provider: dict[str, list[ConfigVars]] = {}
    for resource in platform.resources.list():
        by_provider.setdefault(resource.provider, []).append(resource.details)
    for name, details in by_provider.items():
        try:
            platform.providers[name].ensure_running(details)
        except TwelveError:
            log.exception("%s does not start", name)


def _specs_on_record(platform: Platform) -> Mapping[UUID, ProcessSpec]:
    origins = _Origins(platform)
    return {
        process.id: replace(spec, id=process.id)
        for process in platform.engine.recorded()
        if (spec := _spec_again(origins, process)) is not None
    }


class _Origins:
    """Where recorded processes come from, each app, release and slug asked for once, not for each process."""

    def __init__(self, platform: Platform) -> None:
        self.apps = {app.id: app for app in platform.apps.list()}
        self._platform = platform
        self._releases: dict[UUID, Release | None] = {
            release.id: release for release in platform.releases.all_current().values()
        }
        self._slugs: dict[UUID, Slug] = {}

    def release(self, app: App, release_id: UUID) -> Release | None:
        if release_id not in self._releases:
            with suppress(NotFound):
                self._releases[release_id] = self._platform.releases.get(app.id, release_id)
        return self._releases.setdefault(release_id, None)

    def slug(self, release: Release) -> Slug | None:
        if release.slug_id is None:
            return None
        if release.slug_id not in self._slugs:
            self._slugs[release.slug_id] = self._platform.slugs.get(release.slug_id)
        return self._slugs[release.slug_id]


def _spec_again(origins: _Origins, process: Process) -> ProcessSpec | None:
    """What a recorded process was started from; None when its app or release is gone."""
    app = origins.apps.get(process.app_id)
    release = origins.release(app, process.release_id) if app else None
    slug = origins.slug(release) if release else None
    if app is None or release is None or slug is None:
        return None
    if is_one_off(process):
        return specs.once(app, release, slug, process.type, process.number, process.command, size=process.size)
    place = (process.type, process.number)
    return specs.kept(app, release, slug, [place], {process.type: process.size})[0]


def _tell_router(platform: Platform, app: App, rollout: Rollout | None) -> None:
    """A rollout that is over has places until what is left of its processes has drained."""
    apps.set_hosts(platform, app)
    running = rollout is not None and rollout.status == RolloutStatus.RUNNING
    left_over = any(map(variants.is_variants, platform.engine.processes(app.id)))
    platform.router.set_rollout(app.name, rollout if running or left_over else None)
    leaving = apps.strays(platform, app)
    web = [process for process in kept_processes(platform, app) if process.type == WEB]
    staying = [process for process in web if process.id not in leaving]
    platform.keeper.take_over(app, staying, [process for process in web if process.id in leaving])


def _retire(platform: Platform, app: App) -> None:
    """What an operation left over when it was cut off: no new request since the start, open ones may end."""
    with platform.database.lock(app.id, "release"):  # no operation is on its way, so what is left over is
        leaving = apps.strays(platform, app)
    retire(platform, app, [process for process in kept_processes(platform, app) if process.id in leaving])
    with platform.database.lock(app.id, "release"):
        if platform.rollouts.running(app.id) is None:
            platform.router.set_rollout(app.name, None)


def _bring_up(platform: Platform, app: App) -> None:
    threading.Thread(target=_retire, args=(platform, app), name=f"retire {app.name}", daemon=True).start()
    if app.stopped:
        return
    try:
        with platform.database.lock(app.id, "release"):
            settle(platform, app)
            if _services_moved(platform, app):
                abort_if_running(platform, app, "services have a new address", platform.user)
                why = "Follow services to a new address"
                release_again(platform, app, why, platform.user, run_command=False, automatic=True)
            apps.fill(platform, app)
    except TwelveError as error:
        platform.logs.write(app.name, "api", f"Error R99 (Platform error) -> {app.name} does not start: {error}")


def _services_moved(platform: Platform, app: App) -> bool:
    release = platform.releases.current(app)
    if release is None or slug_of(platform, release) is None:
        return False
    attached, _ = attached_config(platform, platform.attachments.list(app.id))
    return attached != release.attached
