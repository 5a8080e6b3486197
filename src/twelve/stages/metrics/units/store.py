"""The units of rollouts in PostgreSQL: written a batch at a time, read as one number of figures a variant.

A batch is one transaction: it is kept whole, or is kept again. Rows are taken in order, so that servers that share the
database do not wait for each other in a circle.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.exc import IntegrityError

from twelve.core.errors import NotFound
from twelve.core.policy.readout.decision import Frozen
from twelve.core.policy.readout.plan import Metric, Plan
from twelve.core.policy.readout.sequence import Arm
from twelve.infra.database import Database
from twelve.infra.schema import outcome_seen, rollout_frozen, rollout_traffic, unit_exposure
from twelve.stages.metrics.units import statements
from twelve.stages.metrics.units.batch import Batch, Traffic, columns

EARLY = timedelta(seconds=10)  # an outcome may be that much older than its unit's first line: a server was away
HOPELESS = timedelta(minutes=10)  # until an outcome is nobody's


@dataclass(frozen=True, slots=True)
class Cut:
    """Which units a reading takes: of this phase, first seen until `closed`; without `returning`, in no other phase."""

    rollout_id: UUID
    phase: int
    closed: datetime
    returning: bool


class Units:
    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, rollout_id: UUID, batch: Batch, plan: Plan) -> None:
        """NotFound when the rollout has gone with its app."""
        try:
            with self._database.begin() as db:
                _keep_exposures(db, rollout_id, batch)
                _keep_sums(db, rollout_id, batch, timedelta(seconds=plan.guard_window))
                _keep_traffic(db, rollout_id, batch)
                _keep_outcomes(db, rollout_id, batch)
        except IntegrityError as error:
            raise NotFound("The rollout these units belong to is gone.", resource="rollout") from error

    def settle(self, rollout_id: UUID, plan: Plan, now: datetime) -> None:
        """Outcomes that have waited long enough are their units' now."""
        values = {
            "rollout": rollout_id, "settled": now - timedelta(seconds=plan.settle), "hopeless": now - HOPELESS,
            "early": EARLY, "window": timedelta(seconds=plan.window),
            "late": timedelta(seconds=plan.window + plan.settle),
        }  # fmt: skip
        with self._database.begin() as db:
            db.execute(text(statements.SETTLE), values)

    def waiting(self, rollout_id: UUID) -> bool:
        query = select(func.count()).where(outcome_seen.c.rollout_id == rollout_id, outcome_seen.c.counted.is_(None))
        with self._database.begin() as db:
            return db.execute(query).scalar_one() > 0

    def counts(self, cut: Cut) -> dict[str, int]:
        """Units by variant."""
        kept = unit_exposure.c
        query = select(kept.variant, func.count()).group_by(kept.variant)
        query = query.where(kept.rollout_id == cut.rollout_id, kept.phase == cut.phase, kept.first_at <= cut.closed)
        with self._database.begin() as db:
            rows = db.execute(query if cut.returning else query.where(kept.is_new))
            return {variant: count for variant, count in rows}  # noqa: C416 - dict() of rows has no types

    def arms(self, cut: Cut, metric: Metric, cap: float | None) -> tuple[dict[str, Arm], int]:
        """By variant; and how many units had no outcome at all."""
        with self._database.begin() as db:
            db.execute(text(statements.WHOLE_TABLES))
            rows = db.execute(text(statements.arms(metric)), _cut(cut, metric) | {"cap": cap}).all()
        arms = {row.variant: Arm(row.n, row.mean, row.variance, row.nonzero) for row in rows}
        return arms, sum(row.silent for row in rows)

    def cap(self, cut: Cut, metric: Metric) -> float:
        """The 99th percentile of all units; of those that are not zero where nearly all are."""
        with self._database.begin() as db:
            db.execute(text(statements.WHOLE_TABLES))
            row = db.execute(text(statements.cap(metric)), _cut(cut, metric)).one()
        return float(row.of_all or row.of_nonzero or 0.0)

    def freeze(self, cut: Cut, metric: Metric, frozen: Frozen) -> Frozen:
        """The first one to say it is right."""
        values = {
            "rollout": cut.rollout_id, "phase": cut.phase, "metric": metric.name, "variance": frozen.variance,
            "cap": frozen.cap,
        }  # fmt: skip
        with self._database.begin() as db:
            db.execute(text(statements.FREEZE), values)
        return self.frozen(cut.rollout_id, cut.phase)[metric.name]

    def frozen(self, rollout_id: UUID, phase: int) -> dict[str, Frozen]:
        """By metric."""
        kept = rollout_frozen.c
        query = select(kept.metric, kept.variance, kept.cap).where(kept.rollout_id == rollout_id, kept.phase == phase)
        with self._database.begin() as db:
            return {row.metric: Frozen(row.variance, row.cap) for row in db.execute(query)}

    def traffic(self, rollout_id: UUID, phase: int) -> Mapping[str, Traffic]:
        """By variant."""
        kept = rollout_traffic.c
        query = select(rollout_traffic).where(kept.rollout_id == rollout_id, kept.phase == phase)
        with self._database.begin() as db:
            return {row.variant: Traffic(row.requests, row.failures, row.elsewhere) for row in db.execute(query)}

    def forget_outcomes(self, rollout_id: UUID) -> None:
        """Of a rollout that has ended: nobody has to be told apart from a repetition any more."""
        with self._database.begin() as db:
            db.execute(delete(outcome_seen).where(outcome_seen.c.rollout_id == rollout_id))


def _cut(cut: Cut, metric: Metric) -> dict[str, object]:
    return {
        "rollout": cut.rollout_id, "phase": cut.phase, "closed": cut.closed, "returning": cut.returning,
        "metric": metric.name,
    }  # fmt: skip


def _keep_exposures(db: Connection, rollout_id: UUID, batch: Batch) -> None:
    if not batch.exposures:
        return
    first: dict[str, int] = {}
    for phase, unit_hash in batch.exposures:
        first[unit_hash] = min(phase, first.get(unit_hash, phase))
    rows = sorted(
        (unit_hash, phase, variant, at, first[unit_hash] == phase)
        for (phase, unit_hash), (variant, at) in batch.exposures.items()
    )
    values = columns(rows, ("units", "phases", "variants", "moments", "news"))
    db.execute(text(statements.EXPOSE), {"rollout": rollout_id, **values})
    db.execute(text(statements.NOT_NEW_AFTER_ALL), {"rollout": rollout_id, "units": values["units"]})


def _keep_sums(db: Connection, rollout_id: UUID, batch: Batch, window: timedelta) -> None:
    if batch.sums:
        rows = sorted(
            (unit_hash, phase, metric, one.sum, one.n, one.at) for (phase, unit_hash, metric), one in batch.sums.items()
        )
        values = columns(rows, ("units", "phases", "metrics", "sums", "numbers", "moments"))
        db.execute(text(statements.ADD_UP), {"rollout": rollout_id, "window": window, **values})


def _keep_traffic(db: Connection, rollout_id: UUID, batch: Batch) -> None:
    for (phase, variant), one in sorted(batch.traffic.items(), key=lambda item: item[0]):
        values = {
            "rollout": rollout_id, "phase": phase, "variant": variant, "requests": one.requests,
            "failures": one.failures, "elsewhere": one.elsewhere,
        }  # fmt: skip
        db.execute(text(statements.TRAFFIC), values)


def _keep_outcomes(db: Connection, rollout_id: UUID, batch: Batch) -> None:
    if batch.outcomes:
        rows = sorted((one.id, one.unit_hash, one.metric, one.value, one.at, one.received_at) for one in batch.outcomes)
        values = columns(rows, ("ids", "units", "metrics", "values", "moments", "arrivals"))
        db.execute(text(statements.OUTCOMES), {"rollout": rollout_id, **values})
