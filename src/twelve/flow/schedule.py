"""Factor XII by the clock: an app's schedules, and one run of a schedule as a one-off of the release current by then.

claim: on record, one server only ▶ begin: what still runs is replaced or stays, the process starts ▶ its end: scheduler
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from twelve.core.errors import Conflict, RunError, TwelveError
from twelve.core.model import App, ProcessSpec, RunState, Schedule, ScheduleRun, ScheduleWish, Slug
from twelve.core.model.schedule import wish_of
from twelve.core.policy import codes
from twelve.core.policy.schedule import Overlap, check, overlap, skipped_line
from twelve.flow import retrain, specs
from twelve.flow.platform import Platform
from twelve.stages.run.schedules import run_of

SCHEDULER = "scheduler"


def utc_now() -> datetime:
    return datetime.now(UTC)


def add(platform: Platform, app: App, wish: ScheduleWish, user: str) -> Schedule:
    """A retraining's process type is looked for now; before the first deploy it is when the training is due."""
    slug = specs.slug_of(platform, platform.releases.current(app))
    if wish.retrain and slug is not None:
        retrain.check_trains(app, slug, wish.command)
    made = platform.schedules.create(app.id, check(wish))
    _say(platform, app, f"Add schedule {wish.name} by user {user}")
    return made


def suspend(platform: Platform, app: App, schedule: Schedule, suspended: bool, user: str) -> Schedule:
    """What was due while it was suspended is not made up for."""
    wish = replace(schedule.wish, suspended=suspended)
    changed = platform.schedules.change(schedule, wish, schedule.declared, utc_now())
    _say(platform, app, f"{'Pause' if suspended else 'Resume'} schedule {schedule.name} by user {user}")
    return changed


def remove(platform: Platform, app: App, schedule: Schedule, user: str) -> Schedule:
    """What runs goes on to its end."""
    if schedule.declared is not None:
        raise Conflict(
            f"The schedule {schedule.name} comes from the app.json of {app.name}.",
            hint="Remove it there and deploy, or pause it.",
        )
    platform.schedules.delete(schedule.id)
    _say(platform, app, f"Remove schedule {schedule.name} by user {user}")
    return schedule


def run_now(platform: Platform, app: App, schedule: Schedule, user: str) -> ScheduleRun:
    """Same path as by the clock, due now. Returns when it is started, or skipped for an earlier run that goes on."""
    if not can_run(app):
        raise RunError(f"{app.name} is stopped." if app.stopped else f"{app.name} has nothing released yet.")
    _say(platform, app, f"Run schedule {schedule.name} by user {user}")
    now = utc_now()
    run = claim(platform, app, schedule, now, now, slot=False)
    if run is None:
        raise Conflict(f"The schedule {schedule.name} has just been started or removed by somebody else.")
    return begin(platform, app, schedule, run) if run.state == RunState.STARTING else run


def install(platform: Platform, app: App, slug: Slug) -> None:
    """The schedules that app.json declares become those of the app; what has not changed there keeps its state."""
    entries = {wish_of(entry).name: entry for entry in slug.manifest.cron}
    have = {schedule.name: schedule for schedule in platform.schedules.list(app.id)}
    for name, entry in entries.items():
        known = have.get(name)
        if known is None:
            platform.schedules.create(app.id, wish_of(entry), entry)
        elif known.declared != dict(entry):
            platform.schedules.change(known, wish_of(entry), entry, utc_now())
    for name, known in have.items():
        if known.declared is not None and name not in entries:
            platform.schedules.delete(known.id)


def claim(
    platform: Platform, app: App, schedule: Schedule, due: datetime, now: datetime, *, slot: bool = True
) -> ScheduleRun | None:
    """Ours to start when the state is `starting`; None when another server has it."""
    with platform.database.lock(schedule.id, SCHEDULER):
        running = platform.schedules.under_way(schedule.id)
        skip = overlap(schedule.wish.policy, running) == Overlap.SKIP
        reason = f"{running[0].dyno or 'an earlier run'} is still running" if skip else ""
        run = run_of(schedule, due, RunState.SKIPPED if reason else RunState.STARTING, now, reason)
        won = platform.schedules.claim(schedule, run, slot=slot)
    if won and reason:
        platform.logs.write(app.name, SCHEDULER, skipped_line(schedule.wish.command, due, reason))
    return run if won else None


def begin(
    platform: Platform, app: App, schedule: Schedule, run: ScheduleRun, clock: Callable[[], datetime] = utc_now
) -> ScheduleRun:
    """Blocks while it replaces an earlier run, up to that one's grace. A failure is recorded, logged and raised."""
    try:
        if schedule.wish.policy == "replace":
            others = platform.schedules.under_way(schedule.id)
            platform.engine.stop(other.id for other in others if other.id != run.id)
        return _start(platform, platform.apps.get(app.id), schedule, run, clock())
    except Exception as error:
        what = str(error) if isinstance(error, TwelveError) else f"Unexpected {type(error).__name__}."
        platform.schedules.over(run.id, RunState.FAILED, clock(), reason=what)
        detail = f"{schedule.name} could not be started: {what}"
        platform.logs.write(app.name, SCHEDULER, codes.text("R99", detail=detail))
        raise


def _start(platform: Platform, app: App, schedule: Schedule, run: ScheduleRun, now: datetime) -> ScheduleRun:
    if schedule.wish.retrain:
        return _retrain(platform, app, schedule, run, now)
    release, slug = retrain.current(platform, app)
    command = slug.process_types.get(schedule.wish.command, schedule.wish.command)
    spec = specs.once(app, release, slug, SCHEDULER, retrain.free_number(platform, app), command)
    begun = platform.schedules.begun(run, spec.name, release.version, now)
    platform.engine.start([replace(spec, id=run.id)])
    return begun


def _retrain(platform: Platform, app: App, schedule: Schedule, run: ScheduleRun, now: datetime) -> ScheduleRun:
    """The run goes on when the training has ended, until what it has made serves or not."""
    begun = [run]

    def announce(spec: ProcessSpec) -> None:
        begun.append(platform.schedules.begun(run, spec.name, spec.release_version, now))

    user = f"schedule {schedule.name}"
    retrain.begin(platform, app, run.id, schedule.wish.command, user, announce=announce)
    return begun[-1]


def can_run(app: App) -> bool:
    """A stopped app runs nothing, by the clock neither. Maintenance mode is about requests only."""
    return app.current_release is not None and not app.stopped


def _say(platform: Platform, app: App, text: str) -> None:
    platform.logs.write(app.name, "api", text, source="app")
