"""Restart without a gap: new processes of the same release beside the old, then switch, drain, stop."""

from twelve.core.errors import NotFound, RunError
from twelve.core.model import App, Process
from twelve.flow import variants
from twelve.flow.changeover import Changeover
from twelve.flow.platform import Platform
from twelve.flow.releasing import Silent, kept_processes, roll_out
from twelve.flow.specs import slug_of


def restart(platform: Platform, app: App, target: str | None, user: str) -> None:
    """`target`: None for all, a type ("web") or a process ("web.1"). Returns when the new ones serve."""
    with platform.database.lock(app.id, "release"):
        app = platform.apps.get(app.id)
        release = platform.releases.current(app)
        slug = slug_of(platform, release)
        if release is None or slug is None:
            raise RunError(f"{app.name} has nothing released yet, so there is nothing to restart.")
        if app.stopped:
            raise RunError(f"{app.name} is stopped.", hint=f"`twelve start -a {app.name}` starts it.")
        old = [process for process in kept_processes(platform, app) if _named(process, target)]
        if target is not None and not old:
            raise NotFound(f"{app.name} runs no process {target}.", resource="dyno", hint="`twelve ps` lists them.")
        sizes = {entry.type: entry.size for entry in platform.formations.list(app.id)}
        places = {
            (one.type, one.number): (one.release_id if variants.is_variants(one) else release.id, sizes[one.type])
            for one in old
            if one.type in sizes
        }
        platform.logs.write(app.name, "api", f"Restart {target or 'all'} by user {user}", source="app")
        new = variants.again(platform, app, places)
        roll_out(platform, app, Changeover(platform, app, new, old, Silent()))


def stop(platform: Platform, app: App, target: str, user: str) -> None:
    """A one-off ends. A process of the formation is started again, as at Heroku: that is a restart."""
    found = [process for process in platform.engine.processes(app.id) if _named(process, target)]
    if not found:
        raise NotFound(f"{app.name} runs no process {target}.", resource="dyno", hint="`twelve ps` lists them.")
    kept = {process.id for process in kept_processes(platform, app)}
    platform.engine.stop(process.id for process in found if process.id not in kept)
    if any(process.id in kept for process in found):
        restart(platform, app, target, user)


def _named(process: Process, target: str | None) -> bool:
    return target is None or target in {process.type, process.name, str(process.id)}
