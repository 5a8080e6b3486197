"""The clock of the schedules: one thread starts what is due, ends what takes too long and records how runs ended."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from twelve.core.errors import NotFound, TwelveError
from twelve.core.formats import crontab
from twelve.core.model import App, RunState, Schedule, ScheduleRun
from twelve.core.policy import schedule as policy
from twelve.core.ports import ProcessEvent
from twelve.flow import schedule as flow
from twelve.flow.ends import Ends
from twelve.flow.platform import Platform
from twelve.flow.schedule import SCHEDULER
from twelve.stages.run.schedules import run_of

log = logging.getLogger(__name__)

POLL = 5.0  # seconds until schedules that others have added or changed are seen
SETTLED = timedelta(seconds=60)  # by then a start is on record, or will never be
REPLACED = timedelta(seconds=360)  # the same, when an earlier run has to end first


class Scheduler:
    def __init__(self, platform: Platform, clock: Callable[[], datetime] = flow.utc_now) -> None:
        self._platform = platform
        self._clock = clock
        self._ends = Ends(platform.engine, lambda event: event.process.type == SCHEDULER, self._record)
        self._ending: set[UUID] = set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=SCHEDULER, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """No more starts. Ends that come after it are recorded by `settle`."""
        self._closing.set()
        self._ends.wake()
        if self._thread.is_alive():
            self._thread.join()

    def settle(self) -> bool:
        """Record every end heard of so far; False while the database is away."""
        return self._ends.settle()

    def tick(self) -> datetime | None:
        """Do what is due now; gives when something is due next."""
        now = self._clock()
        nexts = [self._look_after(schedule, now) for schedule in self._platform.schedules.list()]
        self._look_after_runs(now)
        return min((due for due in nexts if due is not None), default=None)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                due = self.tick()
            except Exception:
                log.exception("The schedules are looked at again in %d s", POLL)
                self._closing.wait(POLL)
            else:
                rest = POLL if due is None else (due - self._clock()).total_seconds()
                self._ends.wait(min(POLL, max(0.001, rest)))
                self.settle()

    def _record(self, event: ProcessEvent) -> None:
        self._platform.schedules.over(event.process.id, RunState.ENDED, self._clock(), status=event.status)
        self._ending.discard(event.process.id)

    def _look_after(self, schedule: Schedule, now: datetime) -> datetime | None:
        if schedule.wish.suspended:
            return None
        try:
            when, where = crontab.parse(schedule.wish.schedule), policy.zone(schedule.wish.timezone)
            due = policy.due_between(when, where, schedule.seen, now)
            if due:
                self._start_due(schedule, due, now)
            return policy.next_due(when, where, now)
        except NotFound:
            return None  # the app has been destroyed meanwhile
        except TwelveError as error:
            log.warning("schedule %s: %s", schedule.name, error)
            return None

    def _start_due(self, schedule: Schedule, due: Sequence[datetime], now: datetime) -> None:
        app = self._platform.apps.get(schedule.app_id)
        if flow.can_run(app):
            self._catch_up(app, schedule, policy.catch_up(due, now, schedule.wish.start_deadline), now)
        else:
            self._platform.schedules.see(schedule, now)

    def _catch_up(self, app: App, schedule: Schedule, plan: policy.CatchUp, now: datetime) -> None:
        for due in plan.missed:
            run = run_of(schedule, due, RunState.MISSED, now)
            if self._platform.schedules.claim(schedule, run):
                self._platform.logs.write(app.name, SCHEDULER, policy.missed_line(schedule.wish.command, due))
        if plan.start is not None:
            run_or_none = flow.claim(self._platform, app, schedule, plan.start, now)
            if run_or_none is not None and run_or_none.state == RunState.STARTING:
                self._apart(lambda: flow.begin(self._platform, app, schedule, run_or_none, self._clock))

    def _look_after_runs(self, now: datetime) -> None:
        """An end is heard before its process leaves the engine, so `settle` in between loses none."""
        under_way = self._platform.schedules.under_way()
        if not under_way:
            return
        here = {process.id for process in self._platform.engine.processes()}
        if not self.settle():
            return
        ttl = {schedule.id: schedule.wish.ttl for schedule in self._platform.schedules.list()}
        for run in under_way:
            if run.id in here:
                self._end_when_overdue(run, ttl.get(run.schedule_id), now)
        self._give_up([run for run in under_way if run.id not in here], now)

    def _end_when_overdue(self, run: ScheduleRun, ttl: int | None, now: datetime) -> None:
        if ttl is None or run.started_at is None or run.id in self._ending:
            return
        if now - run.started_at > timedelta(seconds=ttl):
            self._ending.add(run.id)
            self._apart(lambda: self._platform.engine.stop([run.id]))

    def _give_up(self, runs: list[ScheduleRun], now: datetime) -> None:
        """Those nobody runs and nobody will: their server or the machine went down at the wrong moment."""
        old = [
            run for run in runs if now - (run.started_at or run.created_at) > (SETTLED if run.started_at else REPLACED)
        ]
        if not old:
            return
        elsewhere = {process.id for process in self._platform.engine.recorded()}
        elsewhere |= {one.id for one in self._platform.retrainings.under_way()}  # these end when they are over
        for run in old:
            if run.id not in elsewhere:
                self._platform.schedules.over(run.id, RunState.LOST, now, reason="its end left no trace")

    def _apart(self, work: Callable[[], object]) -> None:
        """What may block for a grace must not keep other schedules waiting."""

        def run() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - it is on record and in the app's log already
                log.warning("a scheduled process: %s", error)

        threading.Thread(target=run, name=f"{SCHEDULER} start", daemon=True).start()
