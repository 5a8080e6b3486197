"""What follows a training: candidate ▶ gate ▶ promote, keep or refuse. One thread hears how trainings end.

Each step is on record before the next begins and may be done twice: a server that dies in the middle is gone on from
by the next one. A version is the candidate because it is in the store, and serves because a release says so.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from twelve.core.errors import NotFound, RunError, TwelveError
from twelve.core.model import App, Retraining, RetrainingState, RunState
from twelve.core.policy import retrain as policy
from twelve.core.policy.numbers import ONE_OFFS
from twelve.core.policy.retrain import TRAIN, Next
from twelve.core.ports import ProcessEvent
from twelve.flow import gate, promotion
from twelve.flow.ends import Ends
from twelve.flow.platform import Platform

log = logging.getLogger(__name__)

NAME = "retrainer"
POLL = 5.0  # seconds until what another server left behind is seen
SETTLED = timedelta(seconds=60)  # by then a start is on record, or will never be


class Retrainer:
    def __init__(self, platform: Platform, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._platform = platform
        self._clock = clock
        self._ends = Ends(platform.engine, _is_training, self._record)
        self._busy: set[UUID] = set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=NAME, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """No new step. What is under way is gone on from by the next server."""
        self._closing.set()
        self._ends.wake()
        if self._thread.is_alive():
            self._thread.join()

    def settle(self) -> bool:
        """Put every end heard of so far on record; False while the database is away."""
        return self._ends.settle()

    def tick(self) -> int:
        """Set off the next step of every retraining; gives how many are under way."""
        under_way = self._platform.retrainings.under_way()
        if not under_way:
            return 0
        here = {process.id for process in self._platform.engine.processes()}
        if not self.settle():
            return len(under_way)
        for one in self._platform.retrainings.under_way():
            if one.state is RetrainingState.TRAINING:
                self._look_for(one, here)
            else:
                self._apart(one)
        return len(under_way)

    def advance(self, retraining: UUID) -> Retraining:
        """Take all the steps that are left, unless another server does."""
        with self._platform.database.try_lock(retraining, NAME) as mine:
            found = self._platform.retrainings.by_id(retraining)
            while mine and found.under_way and found.state is not RetrainingState.TRAINING:
                following = self._step(found)
                if following is None:
                    break
                found = following
        return found

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self.settle()
                self.tick()
            except Exception:
                log.exception("Retrainings are looked at again in %g s", POLL)
                self._closing.wait(POLL)
            else:
                self._ends.wait(POLL)

    def _record(self, event: ProcessEvent) -> None:
        """A training that was started by `run` is none of ours."""
        try:
            found = self._platform.retrainings.by_id(event.process.id)
            if found.state is RetrainingState.TRAINING:
                self._platform.retrainings.move(found.id, RetrainingState.TRAINED, exit_status=event.status)
        except NotFound:
            return

    def _look_for(self, one: Retraining, here: set[UUID]) -> None:
        """A training that nobody runs and nobody will: its server or the machine went down at the wrong moment."""
        if one.id in here or self._clock() - one.created_at < SETTLED:
            return
        if one.id not in {process.id for process in self._platform.engine.recorded()}:
            self._platform.retrainings.move(one.id, RetrainingState.TRAINED)
            self._apart(one)

    def _apart(self, one: Retraining) -> None:
        """A gate takes minutes, a release too: nobody else waits for them."""
        if one.id in self._busy or self._closing.is_set():
            return
        self._busy.add(one.id)

        def run() -> None:
            try:
                self.advance(one.id)
            except Exception:
                log.exception("a retraining")
            finally:
                self._busy.discard(one.id)

        threading.Thread(target=run, name=f"{NAME} {one.dyno}", daemon=True).start()

    def _step(self, one: Retraining) -> Retraining | None:
        """None when this server ends: the next one takes the step again."""
        try:
            app = self._platform.apps.get(one.app_id)
            following = self._following(app, one)
        except NotFound:
            return None  # the app has been destroyed meanwhile
        except Exception as error:
            if self._closing.is_set():
                return None
            if not isinstance(error, TwelveError):
                log.exception("retraining %s", one.dyno)
            following = _failed(error)
        return None if self._closing.is_set() and following.exit_code else self._to(app, one, following)

    def _following(self, app: App, one: Retraining) -> Next:
        if app.stopped:
            raise RunError(f"{app.name} was stopped meanwhile.")
        match one.state:
            case RetrainingState.TRAINED:
                return gate.candidate(self._platform, app, one)
            case RetrainingState.JUDGING:
                return gate.judge(self._platform, app, one)
            case _:
                return promotion.promote(self._platform, app, one)

    def _to(self, app: App, one: Retraining, following: Next) -> Retraining:
        """The schedule's history first: the retraining itself says whether all of this is done."""
        values: dict[str, object] = {"reason": following.reason, "exit_code": following.exit_code}
        values |= {"candidate": following.candidate} if following.candidate else {}
        values |= {"checks": [dict(check) for check in following.checks]} if following.checks else {}
        values |= {"champion": following.champion} if following.champion is not None else {}
        values |= {"promoted": following.promoted} if following.promoted is not None else {}
        over = following.state not in policy.UNDER_WAY
        if over:
            state = RunState.FAILED if following.state is RetrainingState.FAILED else RunState.ENDED
            self._platform.schedules.over(
                one.id, state, self._clock(), status=following.exit_code, reason=following.reason
            )
        moved = self._platform.retrainings.move(one.id, following.state, **values)
        if over:
            text = f"Retraining {one.dyno}: {moved.state.value}. {following.reason}"
            self._platform.logs.write(app.name, NAME, text)
        return moved


def _is_training(event: ProcessEvent) -> bool:
    return event.process.type == TRAIN and event.process.number in ONE_OFFS


def _failed(error: Exception) -> Next:
    known = isinstance(error, TwelveError)
    reason = str(error) if known else f"Unexpected {type(error).__name__}."
    return Next(RetrainingState.FAILED, reason, error.exit_code if isinstance(error, TwelveError) else 1)
