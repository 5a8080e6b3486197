"""Scale out by processes: more of a type boot and are checked before they serve, fewer are drained before they stop."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from twelve.core.model import App, FormationEntry, ProcessSpec
from twelve.core.policy.formation import ScaleUpdate, apply
from twelve.flow import specs, variants
from twelve.flow.changeover import Changeover
from twelve.flow.platform import Platform
from twelve.flow.releasing import Silent, kept_processes, roll_out
from twelve.flow.specs import slug_of

__all__ = ["ScaleUpdate", "scale", "scale_by_itself"]


def scale(platform: Platform, app: App, updates: Sequence[ScaleUpdate], user: str) -> list[FormationEntry]:
    """Gives the changed entries. A type whose size changes has all its processes replaced."""
    with platform.database.lock(app.id, "release"):
        app = platform.apps.get(app.id)
        before = platform.formations.list(app.id)
        after = apply({entry.type: entry for entry in before}, updates)
        _change(platform, app, before, after, lambda: _say(platform, app, before, after, user))
    platform.autoscale_changed.set()
    named = {update.type for update in updates}
    return [entry for entry in after if entry.type in named]


def scale_by_itself(platform: Platform, app: App, wanted: FormationEntry, reason: str) -> bool:
    """Within an autoscaled range. False when it is not the moment: a deploy holds the app, or somebody was quicker."""
    with platform.database.try_lock(app.id, "release") as held:
        if not held:
            return False
        app = platform.apps.get(app.id)
        before = platform.formations.list(app.id)
        if app.stopped or all(replace(entry, quantity=wanted.quantity) != wanted for entry in before):
            return False
        after = [wanted if entry.type == wanted.type else entry for entry in before]
        text = f"Scaled to {_shown(wanted)} by autoscale ({reason})"
        _change(platform, app, before, after, lambda: _tell(platform, app, text))
        return True


def _change(
    platform: Platform, app: App, before: list[FormationEntry], after: list[FormationEntry], say: Callable[[], None]
) -> None:
    platform.formations.replace(app.id, after)
    say()
    try:
        _reach(platform, app, before, after)
    except Exception:
        platform.formations.replace(app.id, before)
        raise


def _reach(platform: Platform, app: App, before: list[FormationEntry], after: list[FormationEntry]) -> None:
    release = platform.releases.current(app)
    slug = slug_of(platform, release)
    if app.stopped or release is None or slug is None:
        return
    running = [process for process in kept_processes(platform, app) if not variants.is_variants(process)]
    sizes = {entry.type: entry.size for entry in after}
    resized = {old.type for old in before if sizes.get(old.type) != old.size}
    wanted = set(specs.places(after))
    have = {(process.type, process.number) for process in running if process.type not in resized}
    new: list[ProcessSpec] = specs.kept(app, release, slug, sorted(wanted - have), sizes)
    old = [process for process in running if (process.type, process.number) not in wanted & have]
    roll_out(platform, app, Changeover(platform, app, new, old, Silent()))
    variants.try_to_adjust(platform, app)


def _say(
    platform: Platform, app: App, before: Sequence[FormationEntry], after: Sequence[FormationEntry], user: str
) -> None:
    _tell(platform, app, f"Scaled to {' '.join(map(_shown, after))} by user {user}")
    for old, new in zip(before, after, strict=True):
        if new.autoscale != old.autoscale:
            what = f"set to {new.autoscale}" if new.autoscale else "turned off"
            _tell(platform, app, f"Autoscale of {new.type} {what} by user {user}")


def _shown(entry: FormationEntry) -> str:
    return f"{entry.type}@{entry.quantity}:{entry.size.title()}"


def _tell(platform: Platform, app: App, text: str) -> None:
    platform.logs.write(app.name, "api", text, source="app")
