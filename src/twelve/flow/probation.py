"""Watch a release after its switch: the engine tells of exits, core/policy/probation.py judges, rollback.py acts."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from twelve.core.model import Release
from twelve.core.policy import probation
from twelve.core.policy.numbers import ONE_OFFS
from twelve.core.policy.probation import Exit, RollBack
from twelve.core.policy.rollout import place_of
from twelve.core.ports import ProcessEvent

REMEMBERED = 200  # exits of an app

Act = Callable[[Release, RollBack], None]
Announce = Callable[[UUID], None]


@dataclass(frozen=True, slots=True)
class _Seen:
    release: UUID
    type: str
    status: int
    at: float


@dataclass(frozen=True, slots=True)
class _Trial:
    release: Release
    since: float
    exempt: bool


class Probation:
    """`observe` is called from the engine's thread and does not block; a verdict is carried out in a thread of its own.

    Only the newest release of an app is on trial. A server that starts goes on with the trial, and counts exits anew.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._act: Act | None = None
        self._announce: Announce | None = None
        self._exits: dict[UUID, deque[_Seen]] = {}
        self._trials: dict[UUID, _Trial] = {}
        self._condemned: set[UUID] = set()  # their crashes excuse no later release
        self._lock = threading.Lock()

    def act_by(self, act: Act, announce: Announce | None = None) -> None:
        """`announce` is told the app before `act` begins, from whichever thread made the judgement."""
        self._act, self._announce = act, announce

    def begin(self, release: Release, *, exempt: bool, ago: float = 0.0) -> None:
        """It serves from now on, or has since `ago` seconds. `exempt` as in the policy."""
        with self._lock:
            self._trials[release.app_id] = _Trial(release, self._clock() - ago, exempt)
        self._judge(release.app_id)

    def observe(self, event: ProcessEvent) -> None:
        process = event.process
        if event.kind != "exited" or process.number in ONE_OFFS or place_of(process.number):
            return
        with self._lock:
            seen = self._exits.setdefault(process.app_id, deque(maxlen=REMEMBERED))
            seen.append(_Seen(process.release_id, process.type, event.status or 0, self._clock()))
        self._judge(process.app_id)

    def _judge(self, app_id: UUID) -> None:
        with self._lock:
            trial = self._trials.get(app_id)
            verdict = self._verdict(trial) if trial else None
            if trial and verdict:
                del self._trials[app_id]  # judged once
                self._condemned.add(trial.release.id)
        if trial and verdict and self._act:
            if self._announce:
                self._announce(app_id)
            name = f"roll back {trial.release.version}"
            threading.Thread(target=self._act, args=(trial.release, verdict), name=name, daemon=True).start()

    def _verdict(self, trial: _Trial) -> RollBack | None:
        own: list[Exit] = []
        earlier: list[Exit] = []
        for seen in self._exits.get(trial.release.app_id, ()):
            if seen.release in self._condemned:
                continue
            side = own if seen.release == trial.release.id else earlier
            side.append(Exit(seen.type, seen.status, seen.at - trial.since))
        return probation.decide(own, earlier, exempt=trial.exempt)
