"""Watches rollouts: keeps what their units meet, ends one that does harm, takes a canary's next step.

every second:   what came -> the tables; the tripwire        every five: a reading -> abort, ramp or promote, if agreed
Its thread sleeps while no rollout runs, until somebody starts one.
"""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from twelve.core.errors import NotFound, TwelveError
from twelve.core.model import App, Rollout, Variant
from twelve.core.policy.readout import canary, tripwire
from twelve.core.policy.readout.decision import Status
from twelve.core.policy.readout.plan import Plan
from twelve.flow.platform import Platform
from twelve.flow.rollout_canary import next_step
from twelve.flow.rollout_reading import Readout, read
from twelve.stages.metrics.units.batch import Batch, Reader
from twelve.stages.metrics.units.intake import Intake

log = logging.getLogger(__name__)

NAME = "rollouts"
REST = timedelta(minutes=1)  # after something could not be done
AT_ONCE = 4 << 20  # bytes of lines that become one batch


@dataclass(frozen=True, slots=True)
class Pace:
    """In seconds. A reading that takes long is made less often: it may use this share of the time."""

    look: float = 1.0
    read: float = 5.0
    share: float = 0.1


class Acts(Protocol):
    """What may be done to a rollout without anybody asking; each waits for whoever works on the app."""

    def abort(self, app: App, rollout: Rollout, reason: str) -> object: ...
    def ramp(self, app: App, rollout: Rollout, variant: Variant, percent: float) -> object: ...
    def promote(self, app: App, rollout: Rollout, variant: Variant) -> object: ...


@dataclass(slots=True)
class Watched:
    """One running rollout. `batch` is what could not be kept yet, `reached` the line behind it, `marked` the line
    behind what is kept; `said` the status its log was last told of."""

    app: App
    rollout: Rollout
    plan: Plan
    intake: Intake
    reader: Reader
    next_reading: datetime
    batch: Batch = field(default_factory=Batch)
    said: str = ""
    dropped: int = 0
    reached: int = 0
    marked: int = 0
    rests_until: datetime | None = None


class RolloutWatch:
    def __init__(
        self,
        platform: Platform,
        acts: Acts,
        pace: Pace | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._platform = platform
        self._acts = acts
        self._pace = pace or Pace()
        self._clock = clock
        self._watched: dict[UUID, Watched] = {}
        self._acting: set[UUID] = set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=NAME, daemon=True)

    def start(self) -> None:
        """Before the processes of a start begin to say anything that is to be counted."""
        self._follow_all()
        self._platform.rollouts_changed.set()
        self._thread.start()

    def close(self) -> None:
        """No more decisions; lines are still taken."""
        self._closing.set()
        self._platform.rollouts_changed.set()
        if self._thread.is_alive():
            self._thread.join()

    def finish(self) -> None:
        """After the last line has come: all that waits is kept."""
        for watched in self._watched.values():
            try:
                self._keep(watched, all_of_it=True)
            except TwelveError:
                log.exception("What the last units of %s met is lost", watched.app.name)

    def tick(self) -> int:
        """Look at every running rollout once; gives how many there are."""
        running = self._follow_all()
        for watched in list(self._watched.values()):
            try:
                self._look_after(watched)
            except TwelveError as error:  # the others go on
                log.warning("The rollout of %s is looked at again soon: %s", watched.app.name, error)
        return running

    def _run(self) -> None:
        changed = self._platform.rollouts_changed
        while not self._closing.is_set():
            changed.wait()
            changed.clear()
            while not self._closing.is_set() and self._some():
                changed.wait(self._pace.look)
                changed.clear()

    def _some(self) -> bool:
        try:
            return self.tick() > 0
        except TwelveError as error:
            log.warning("Rollouts are looked at again in %g s: %s", self._pace.look, error)
            return True
        except Exception:
            log.exception("Rollouts are looked at again in %g s", self._pace.look)
            return True

    def _follow_all(self) -> int:
        """Those that run, in their present phase; of those that ended what is left is kept."""
        running = {rollout.id: rollout for rollout in self._platform.rollouts.all_running()}
        for gone in self._watched.keys() - running.keys():
            self._leave(self._watched.pop(gone))
        for rollout in running.values():
            if watched := self._watched.get(rollout.id):
                watched.rollout = rollout
            else:
                self._follow(rollout)
        return len(running)

    def _follow(self, rollout: Rollout) -> None:
        try:
            app = self._platform.apps.get(rollout.app_id)
        except NotFound:  # destroyed meanwhile
            return
        plan, intake = Plan.of(rollout.settings), Intake()
        first = self._clock() + timedelta(seconds=self._pace.read)
        self._watched[rollout.id] = Watched(app, rollout, plan, intake, Reader(rollout, plan), first)
        self._platform.logs.follow(app.name, intake, _mark_of(rollout), history=True)

    def _leave(self, watched: Watched) -> None:
        self._platform.logs.unfollow(watched.app.name, watched.intake)
        try:
            self._keep(watched, all_of_it=True)
            self._platform.logs.unmark(watched.app.name, _mark_of(watched.rollout))
            self._platform.units.settle(watched.rollout.id, watched.plan, self._clock() + timedelta(days=1))
            self._platform.units.forget_outcomes(watched.rollout.id)
        except TwelveError:  # such as an app that is gone with everything of it
            log.warning("What the last units of %s met is not kept", watched.app.name, exc_info=True)

    def _look_after(self, watched: Watched) -> None:
        now = self._clock()
        self._keep(watched)
        self._platform.units.settle(watched.rollout.id, watched.plan, now)
        rests = watched.rests_until is not None and now < watched.rests_until
        if rests or watched.rollout.id in self._acting or self._tripped(watched, now):
            return
        if now >= watched.next_reading:
            found = read(self._platform.units, watched.rollout, now)
            took = (self._clock() - now).total_seconds()
            watched.next_reading = now + timedelta(seconds=max(self._pace.read, took / self._pace.share))
            self._decide(watched, found)

    def _keep(self, watched: Watched, *, all_of_it: bool = False) -> None:
        """What could not be kept is tried again, before anything new is taken. The next server goes on at the mark."""
        while True:
            if not watched.batch:
                taken = watched.intake.take(AT_ONCE)
                for piece in taken.pieces:
                    watched.reader.add(piece)
                watched.batch = watched.reader.cut(self._clock(), all_of_it=all_of_it)
                watched.reached = taken.reached
            if watched.batch:
                batch, watched.batch = watched.batch, Batch()
                try:
                    self._platform.units.keep(watched.rollout.id, batch, watched.plan)
                except TwelveError:
                    watched.batch = batch
                    raise
            self._mark(watched)
            if not watched.intake.waits:
                break
        if watched.intake.dropped > watched.dropped:
            watched.dropped = watched.intake.dropped
            log.warning("%d lines of %s came too fast to be counted", watched.dropped, watched.app.name)

    def _mark(self, watched: Watched) -> None:
        if watched.reached > watched.marked:
            self._platform.logs.mark(watched.app.name, _mark_of(watched.rollout), watched.reached)
            watched.marked = watched.reached

    def _tripped(self, watched: Watched, now: datetime) -> bool:
        rollout, minute = watched.rollout, watched.reader.minute
        control = minute.read(rollout.control.name, now.timestamp())
        for variant in rollout.treatments:
            told = tripwire.tripped(minute.read(variant.name, now.timestamp()), control)
            if told and variant.buckets:
                self._stop(watched, "tripwire", f"tripwire: {variant.name} (v{variant.release}): {told}")
                return True
        return False

    def _decide(self, watched: Watched, found: Readout) -> None:
        verdict, plan = found.verdict, found.plan
        if verdict.status == Status.ROLLBACK:
            self._stop(watched, verdict.status, verdict.reason)
            return
        self._tell(watched, verdict.status, verdict.reason)
        if plan.canary:
            self._walk(watched, found)
        elif verdict.status == Status.WINNER and plan.auto_promote:
            self._promote(watched, verdict.variant)

    def _walk(self, watched: Watched, found: Readout) -> None:
        rollout, step = watched.rollout, next_step(self._platform, found)
        treatment = rollout.variants[-1]  # the only one, where there is a step
        match step:
            case canary.Ramp(weight):
                self._act(watched, lambda app: self._acts.ramp(app, rollout, treatment, weight))
            case canary.Complete() if found.plan.auto_promote:
                self._promote(watched, treatment.name)
            case canary.Complete():
                self._tell(watched, "complete", "the canary has taken all its steps: `twelve rollout promote` ends it")

    def _stop(self, watched: Watched, action: str, reason: str) -> None:
        if watched.plan.auto_stop:
            self._tell(watched, action, reason)
            rollout = watched.rollout
            self._act(watched, lambda app: self._acts.abort(app, rollout, reason))
        else:
            self._tell(watched, action, f"{reason}; it goes on, as it was started without auto-stop")

    def _promote(self, watched: Watched, name: str | None) -> None:
        rollout = watched.rollout
        variant = next((one for one in rollout.treatments if one.name == name), None)
        if variant is not None:
            self._act(watched, lambda app: self._acts.promote(app, rollout, variant))

    def _act(self, watched: Watched, change: Callable[[App], object]) -> None:
        """In a thread of its own, as it waits for others; meanwhile nothing else is decided about this rollout."""
        if self._closing.is_set():
            return
        self._acting.add(watched.rollout.id)
        threading.Thread(
            target=self._carry_out, args=(watched, change), name=f"{NAME} {watched.app.name}", daemon=True
        ).start()

    def _carry_out(self, watched: Watched, change: Callable[[App], object]) -> None:
        try:
            change(self._platform.apps.get(watched.rollout.app_id))
        except TwelveError as error:
            watched.rests_until = self._clock() + REST
            text = f"The rollout {watched.rollout.name} stays as it is: {error}"
            self._platform.logs.write(watched.app.name, "rollout", text)
        except Exception:
            watched.rests_until = self._clock() + REST
            log.exception("the rollout of %s", watched.app.name)
        finally:
            self._acting.discard(watched.rollout.id)
            self._platform.rollouts_changed.set()

    def _tell(self, watched: Watched, action: str, reason: str) -> None:
        """Each change of status once, as an event in the app's own log."""
        if watched.said == action:
            return
        watched.said = action
        rollout = watched.rollout
        event = {
            "event": "experiment", "schema": 1, "ts": self._clock().isoformat(), "experiment": rollout.salt,
            "phase": rollout.phase, "action": action, "reason": reason,
        }  # fmt: skip
        self._platform.logs.write(
            watched.app.name, "rollout", json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        )


def _mark_of(rollout: Rollout) -> str:
    return f"rollout {rollout.id}"
