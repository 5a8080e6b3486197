"""Scale out by processes: more of a type boot and are checked before they serve, fewer are drained before they stop."""

from collections.abc import Sequence

from twelve.core.model import App, FormationEntry, ProcessSpec
from twelve.core.policy.formation import ScaleUpdate, apply
from twelve.flow import specs
from twelve.flow.platform import Platform
from twelve.flow.releasing import Silent, kept_processes, roll_out, slug_of
from twelve.flow.rollout import Rollout

__all__ = ["ScaleUpdate", "scale"]


def scale(platform: Platform, app: App, updates: Sequence[ScaleUpdate], user: str) -> list[FormationEntry]:
    """Gives the changed entries. A type whose size changes has all its processes replaced."""
    with platform.database.lock(app.id, "release"):
        app = platform.apps.get(app.id)
        before = platform.formations.list(app.id)
        after = apply({entry.type: entry for entry in before}, updates)
        platform.formations.replace(app.id, after)
        _say(platform, app, after, user)
        try:
            _reach(platform, app, before, after)
        except Exception:
            platform.formations.replace(app.id, before)
            raise
        named = {update.type for update in updates}
        return [entry for entry in after if entry.type in named]


def _reach(platform: Platform, app: App, before: list[FormationEntry], after: list[FormationEntry]) -> None:
    release = platform.releases.current(app)
    slug = slug_of(platform, release)
    if app.stopped or release is None or slug is None:
        return
    running = kept_processes(platform, app)
    sizes = {entry.type: entry.size for entry in after}
    resized = {old.type for old in before if sizes.get(old.type) != old.size}
    wanted = set(specs.places(after))
    have = {(process.type, process.number) for process in running if process.type not in resized}
    new: list[ProcessSpec] = specs.kept(app, release, slug, sorted(wanted - have), sizes)
    old = [process for process in running if (process.type, process.number) not in wanted & have]
    roll_out(platform, app, Rollout(platform, app, new, old, Silent()))


def _say(platform: Platform, app: App, formation: Sequence[FormationEntry], user: str) -> None:
    scaled = " ".join(f"{entry.type}@{entry.quantity}:{entry.size.title()}" for entry in formation)
    platform.logs.write(app.name, "api", f"Scaled to {scaled} by user {user}", source="app")
