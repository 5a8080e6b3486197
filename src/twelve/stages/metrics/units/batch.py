"""Lines of one app in a rollout, by unit: what a second of them adds to the tables. Runs in the watcher's thread."""

import uuid
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from twelve.core.formats import event_line, router_line
from twelve.core.formats.event_line import Outcome, Prediction
from twelve.core.model import Rollout
from twelve.core.model.units import Exposure
from twelve.core.policy import assign
from twelve.core.policy.readout.plan import BUILT_IN, Plan
from twelve.core.policy.readout.tripwire import Tally
from twelve.stages.metrics.units.intake import Piece
from twelve.stages.metrics.units.minute import Minute

REMEMBERED = 50_000  # units, and predictions, of one rollout: some 30 MB at most
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Unit = tuple[int, str]  # phase and hash


@dataclass(slots=True)
class Told:
    """An outcome as it is kept: of a unit's hash, never of a unit."""

    id: str
    unit_hash: str
    metric: str
    value: float
    at: datetime
    received_at: datetime


@dataclass(slots=True)
class Sum:
    """`at`: of the first request in it."""

    at: datetime
    sum: float = 0.0
    n: int = 0

    def add(self, value: float) -> None:
        self.sum += value
        self.n += 1


@dataclass(slots=True)
class Traffic:
    requests: int = 0
    failures: int = 0
    elsewhere: int = 0


@dataclass(slots=True)
class Batch:
    """Exposures: variant and first moment. Sums by phase, hash and metric. Traffic by phase and variant."""

    exposures: dict[Unit, tuple[str, datetime]] = field(default_factory=dict)
    sums: dict[tuple[int, str, str], Sum] = field(default_factory=dict)
    traffic: dict[tuple[int, str], Traffic] = field(default_factory=dict)
    outcomes: list[Told] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.exposures or self.sums or self.traffic or self.outcomes)


class Reader:
    """Of one rollout. `add` everything that came, then `cut` off what is to be kept.

    A prediction is printed before the front door's line of the same request, so it waits for `settle` seconds.
    """

    def __init__(self, rollout: Rollout, plan: Plan) -> None:
        self._salt = rollout.salt
        self._plan = plan
        self._reach = timedelta(seconds=plan.guard_window)
        self._settle = timedelta(seconds=plan.settle)
        self._outcomes = {metric.name for metric in plan.metrics} - BUILT_IN.keys()
        self._guards = {metric.name for metric in plan.metrics} & BUILT_IN.keys()
        self._seen: OrderedDict[Unit, datetime] = OrderedDict()
        self._units: OrderedDict[str, str] = OrderedDict()  # by prediction
        self._early: deque[tuple[datetime, Prediction]] = deque(maxlen=REMEMBERED)
        self._batch = Batch()
        self.minute = Minute()
        self.other: set[str] = set()  # names of outcomes that nobody asked for

    def add(self, piece: Piece) -> None:
        if piece.routed:
            for exposure in router_line.exposures(piece.lines):
                if exposure.experiment == self._salt:
                    self._request(exposure, piece.stamp)
            return
        for event in event_line.events(piece.lines):
            if isinstance(event, Outcome):
                self._outcome(event, piece.stamp)
            elif event.experiment == self._salt:
                self._prediction(event, piece.stamp)

    def cut(self, now: datetime, *, all_of_it: bool = False) -> Batch:
        while self._early and (all_of_it or self._early[0][0] < now - self._settle):
            stamp, prediction = self._early.popleft()
            unit = (prediction.phase, prediction.unit_hash)
            self._sum(unit, "fallback", stamp).add(float(prediction.fallback))
        batch, self._batch = self._batch, Batch()
        return batch

    def _request(self, exposure: Exposure, stamp: datetime) -> None:
        began = stamp - timedelta(milliseconds=exposure.milliseconds)
        unit = (exposure.phase, exposure.unit_hash)
        traffic = self._batch.traffic.setdefault((exposure.phase, exposure.variant), Traffic())
        traffic.requests += 1
        traffic.failures += exposure.failed
        traffic.elsewhere += exposure.elsewhere
        self.minute.add(exposure.variant, stamp.timestamp(), Tally(1, int(exposure.failed)))
        first = self._seen.get(unit)
        if first is None:
            remember(self._seen, unit, began)
            self._batch.exposures.setdefault(unit, (exposure.variant, began))
        elif began > first + self._reach:
            return  # its window has closed
        if "errors" in self._guards:
            self._sum(unit, "errors", began).add(float(exposure.failed))
        if "latency" in self._guards and not exposure.tunnel:
            self._sum(unit, "latency", began).add(float(exposure.milliseconds))

    def _sum(self, unit: Unit, metric: str, at: datetime) -> Sum:
        return self._batch.sums.setdefault((*unit, metric), Sum(at))

    def _prediction(self, prediction: Prediction, stamp: datetime) -> None:
        if "fallback" in self._guards:
            self._early.append((stamp, prediction))
        if prediction.id:
            remember(self._units, prediction.id, prediction.unit_hash)

    def _outcome(self, outcome: Outcome, stamp: datetime) -> None:
        if outcome.name not in self._outcomes:
            if len(self.other) < 20:
                self.other.add(outcome.name)
            return
        unit_hash = outcome.unit_hash or self._units.get(outcome.prediction_id or "")
        if outcome.unit:
            unit_hash = assign.unit_hash(self._salt, outcome.unit)
        if unit_hash:
            at = min(outcome.at or stamp, stamp)
            own = outcome.id or f"+{uuid.uuid4().hex}"
            self._batch.outcomes.append(Told(own, unit_hash, outcome.name, outcome.value, at, stamp))


def remember(kept: OrderedDict[K, V], key: K, value: V, most: int = REMEMBERED) -> None:
    """Forgets the oldest instead."""
    kept[key] = value
    if len(kept) > most:
        kept.popitem(last=False)


def columns(rows: Iterable[tuple[object, ...]], names: tuple[str, ...]) -> dict[str, list[object]]:
    """Rows as arrays by name, which is how PostgreSQL takes many at once."""
    turned: list[list[object]] = [list(column) for column in zip(*rows, strict=True)]
    return dict(zip(names, turned or [[] for _ in names], strict=True))
