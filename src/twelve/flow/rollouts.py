"""A rollout from its start to its end: releases beside each other, units dealt out between them, nobody moved back.

start    boot the treatments ▶ ledger ▶ deal out            ramp    boot more ▶ ledger (a phase) ▶ deal out
promote  a release like the treatment ▶ end                 abort   ledger ▶ all to the control ▶ drain ▶ stop
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import uuid4

from twelve.core.errors import Conflict, NotFound, RunError, UsageError
from twelve.core.model import App, Release, ReleaseStatus, Rollout, RolloutStatus, Unit, Variant
from twelve.core.policy import rollout as policy
from twelve.core.policy.readout.plan import Plan
from twelve.flow import rollback, variants
from twelve.flow.keep import WEB
from twelve.flow.platform import Platform
from twelve.flow.rollout_ending import end, tell
from twelve.flow.specs import slug_of

MOST_PHASES = 999


@dataclass(frozen=True, slots=True)
class Wish:
    """`shares` are buckets by release, `processes` those of a release where the weight is not to decide."""

    shares: Mapping[int, int]
    unit: Unit
    name: str = ""
    processes: Mapping[int, int] = field(default_factory=dict)
    shadow: int | None = None
    settings: Mapping[str, object] = field(default_factory=dict)


def start(platform: Platform, app: App, wish: Wish, user: str) -> Rollout:
    """Returns when the treatments serve."""
    with platform.database.lock(app.id, "release"):
        app = platform.apps.get(app.id)
        control = _control(platform, app)
        dealt = policy.opening(control.version, wish.shares, wish.processes)
        plan = _plan(wish, dealt)
        _check(platform, app, wish, dealt)
        planned = _planned(app, wish, dealt)
        platform.router.set_rollout(app.name, planned)
        try:
            variants.adjust(platform, app, planned)
            made = platform.rollouts.start(
                app.id, planned.name, wish.unit, dealt, user, shadow=wish.shadow, settings=plan.settings()
            )
        except BaseException:
            variants.retire(platform, app, planned)
            raise
        _deal(platform, app, made)
        tell(platform, app, made, "start", user)
        return made


def ramp(platform: Platform, app: App, shares: Mapping[int, int], user: str) -> Rollout:
    """Returns when those who move are served by their treatment. A release that was no variant so far becomes one."""
    with platform.database.lock(app.id, "release"):
        app = platform.apps.get(app.id)
        rollout = current(platform, app)
        grown = policy.grown(rollout.variants, shares)
        if grown == rollout.variants:
            raise UsageError("That is how the shares are already, so nothing was changed.")
        if rollout.phase >= MOST_PHASES:
            raise UsageError(f"A rollout has at most {MOST_PHASES} phases.", hint="Promote or abort it.")
        if len(grown) > 2 and Plan.of(rollout.settings).canary:
            raise UsageError("A canary has one treatment.", hint="Promote or abort it, then start another rollout.")
        for variant in grown[len(rollout.variants) :]:
            _check_release(platform, app, variant.release)
        _boot(platform, app, rollout, replace(rollout, variants=grown))
        after = platform.rollouts.ramp(rollout, grown, user)
        _deal(platform, app, after)
        tell(platform, app, after, "ramp", user)
        return after


def promote(platform: Platform, app: App, release: int | None, user: str) -> Release:
    """A new release with a treatment's slug, config and model takes everything; then the rollout is over."""
    with platform.database.lock(app.id, "release"):
        app = platform.apps.get(app.id)
        rollout = current(platform, app)
        candidate = platform.releases.get(app.id, _promoted(rollout, release))
        reason = rollback.Reason(f"Promote v{candidate.version}", user)
        made = rollback.go_back(platform, app, candidate, reason)
        end(platform, app, rollout, RolloutStatus.PROMOTED, f"v{candidate.version} became v{made.version}", user)
        return made


def abort(platform: Platform, app: App, reason: str, user: str) -> Rollout:
    """Everything is the control's at once; returns when the processes of the treatments have ended."""
    with platform.database.lock(app.id, "release"):
        app = platform.apps.get(app.id)
        return end(platform, app, current(platform, app), RolloutStatus.ABORTED, reason, user)


def current(platform: Platform, app: App) -> Rollout:
    found = platform.rollouts.running(app.id)
    if found is None:
        raise NotFound(
            f"No rollout of {app.name} is running.", resource="rollout", hint="`twelve rollout start` begins one."
        )
    return found


def _control(platform: Platform, app: App) -> Release:
    if app.stopped:
        raise RunError(f"{app.name} is stopped.", hint=f"`twelve start -a {app.name}` starts it.")
    release = platform.releases.current(app)
    if release is None or slug_of(platform, release) is None:
        raise RunError(f"{app.name} has nothing released yet, so there is nothing to share requests with.")
    if not any(entry.type == WEB and entry.quantity for entry in platform.formations.list(app.id)):
        raise RunError(f"{app.name} runs no web process, and only requests are shared.", hint="`twelve scale web=1`.")
    if (running := platform.rollouts.running(app.id)) is not None:
        raise Conflict(f"The rollout {running.salt} of {app.name} is running.", hint="Promote or abort it first.")
    return release


def _plan(wish: Wish, dealt: tuple[Variant, ...]) -> Plan:
    plan = Plan.agreed(wish.settings)
    if plan.canary and len(dealt) != 2:
        raise UsageError("A canary has one treatment.", hint="Such as `twelve rollout start v13=1 --canary`.")
    return plan


def _check(platform: Platform, app: App, wish: Wish, dealt: tuple[Variant, ...]) -> None:
    if problem := policy.name_problem(wish.name or app.name):
        raise UsageError(problem)
    if len(dealt) == 1 and wish.shadow is None:
        raise UsageError("A rollout needs another release than the current one.", hint="Such as v12=90 v13=10.")
    known = {variant.release for variant in dealt}
    if unknown := sorted(wish.processes.keys() - known):
        raise UsageError(f"v{unknown[0]} is no variant of this rollout.")
    if any(not 1 <= count <= policy.MOST_PROCESSES for count in wish.processes.values()):
        raise UsageError(f"A variant has 1 to {policy.MOST_PROCESSES} processes.")
    if wish.shadow in known:
        raise UsageError(f"v{wish.shadow} answers requests, so it needs no copies of them.")
    for release in [*(variant.release for variant in dealt[1:]), *([] if wish.shadow is None else [wish.shadow])]:
        _check_release(platform, app, release)


def _check_release(platform: Platform, app: App, version: int) -> None:
    release = platform.releases.get(app.id, version)
    if release.status != ReleaseStatus.SUCCEEDED:
        raise UsageError(f"v{version} failed, so it can serve nobody.")
    if WEB not in release.process_types:
        raise UsageError(f"v{version} has no web process type, and only requests are shared.")


def _planned(app: App, wish: Wish, dealt: tuple[Variant, ...]) -> Rollout:
    """As it is until it is on record: its treatments have places, and no request is dealt out."""
    return Rollout(
        id=uuid4(),
        app_id=app.id,
        name=wish.name or app.name,
        iteration=0,
        unit=wish.unit,
        variants=dealt,
        slot=0,
        phase=0,
        status=RolloutStatus.ABORTED,
        created_at=datetime.now(UTC),
        shadow=wish.shadow,
    )


def _boot(platform: Platform, app: App, before: Rollout, after: Rollout) -> None:
    """The processes of the next phase, while the shares are those of the last one."""
    fresh = [replace(variant, ranges=()) for variant in after.variants[len(before.variants) :]]
    platform.router.set_rollout(app.name, replace(before, variants=(*before.variants, *fresh)))
    try:
        variants.adjust(platform, app, after)
    except BaseException:
        platform.router.set_rollout(app.name, before)
        raise


def _promoted(rollout: Rollout, release: int | None) -> int:
    choices = [variant.release for variant in rollout.treatments] or [one for one in [rollout.shadow] if one]
    if release is None and len(choices) > 1:
        raise UsageError(f"There are {len(choices)} treatments.", hint="Name the one to promote, such as v13.")
    if release is not None and release not in choices:
        raise UsageError(f"v{release} is no treatment of {rollout.salt}.")
    return choices[0] if release is None else release


def _deal(platform: Platform, app: App, rollout: Rollout) -> None:
    platform.router.set_rollout(app.name, rollout)
    platform.rollouts_changed.set()
