"""The processes a rollout adds to an app's formation: `web` of its treatments, and of the shadow."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from uuid import UUID

from twelve.core.errors import TwelveError
from twelve.core.model import App, FormationEntry, Process, ProcessSpec, Release, Rollout
from twelve.core.policy import rollout as policy
from twelve.flow import changeover, specs
from twelve.flow.changeover import Changeover
from twelve.flow.keep import WEB
from twelve.flow.platform import Platform
from twelve.flow.releasing import Silent, kept_processes, roll_out
from twelve.flow.specs import Place, slug_of


def is_variants(process: Process) -> bool:
    """Not the formation's: a treatment's or a shadow's."""
    return policy.place_of(process.number) > 0


def wanted(rollout: Rollout | None, formation: Iterable[FormationEntry]) -> dict[Place, int]:
    """By place, the number of the release that runs there."""
    if rollout is None:
        return {}
    web = sum(entry.quantity for entry in formation if entry.type == WEB)
    found = {
        (WEB, number): variant.release
        for place, variant in enumerate(rollout.variants)
        if place
        for number in policy.numbers(place, policy.processes(variant, web))
    }
    if rollout.shadow is not None:
        found |= {(WEB, number): rollout.shadow for number in policy.numbers(policy.SHADOW, 1)}
    return found if web else {}


def expected(platform: Platform, app: App, release: Release) -> dict[Place, UUID]:
    """Every place there should be a process in, with its release: the formation's, and those of the rollout."""
    formation, slug = platform.formations.list(app.id), slug_of(platform, release)
    types = slug.process_types if slug else {}
    own = {place: release.id for place in specs.places(formation) if place[0] in types}
    others = wanted(platform.rollouts.running(app.id), formation)
    known = {version: platform.releases.get(app.id, version).id for version in set(others.values())}
    return own | {place: known[version] for place, version in others.items()}


def adjust(platform: Platform, app: App, rollout: Rollout | None, *, again_only: bool = False) -> None:
    """Start what the rollout wants and nobody runs, and retire what it wants no more. The caller holds the lock.

    `again_only`: nobody joins, what has served comes back.
    """
    formation = platform.formations.list(app.id)
    places = wanted(rollout, formation)
    running = [process for process in kept_processes(platform, app) if is_variants(process)]
    right = [one for one in running if places.get((one.type, one.number)) == one.release_version]
    have = {(one.type, one.number) for one in right}
    size = next((entry.size for entry in formation if entry.type == WEB), "standard-1x")
    joining = set() if again_only else set(places.values()) - {one.release_version for one in running}
    absent = {place: (version, size) for place, version in places.items() if place not in have}
    new = again(platform, app, absent, joining)
    old = [one for one in running if one not in right]
    if new or old:
        roll_out(platform, app, Changeover(platform, app, new, old, Silent()))


def try_to_adjust(platform: Platform, app: App) -> None:
    """Where the control must not suffer from a treatment that does not come up: it answers in its place."""
    rollout = platform.rollouts.running(app.id)
    if rollout is None:
        return
    try:
        adjust(platform, app, rollout, again_only=True)
    except TwelveError as error:
        text = f"Rollout {rollout.name}: its processes are not as many as they should be: {error}"
        platform.logs.write(app.name, "api", text, source="app")


def again(
    platform: Platform, app: App, places: Mapping[Place, tuple[int | UUID, str]], joining: Collection[int] = ()
) -> list[ProcessSpec]:
    """What is needed to start these: by place, the release and the size. `joining` have no process yet."""
    made: list[ProcessSpec] = []
    for ref in {ref for ref, _ in places.values()}:
        release = platform.releases.get(app.id, ref)
        slug = slug_of(platform, release)
        mine = {place: size for place, (one, size) in places.items() if one == ref}
        if slug is not None:
            found = specs.kept(app, release, slug, sorted(mine), {}, new=ref in joining)
            made += [replace(spec, size=mine[spec.type, spec.number]) for spec in found]
    return made


def retire(platform: Platform, app: App, ended: Rollout) -> None:
    """After its end: no request any more, the open ones may end, then the processes do."""
    leaving = [process for process in kept_processes(platform, app) if is_variants(process)]
    platform.router.set_rollout(app.name, ended)
    platform.keeper.switch(app, [], leaving)
    changeover.retire(platform, app, leaving)
    platform.router.set_rollout(app.name, None)
