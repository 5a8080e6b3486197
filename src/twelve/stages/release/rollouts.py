"""The ledger of rollouts: which releases share an app's requests, phase by phase. One of an app runs at a time."""

import builtins
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from twelve.core.errors import Conflict, NotFound
from twelve.core.model.rollout import Phase, Rollout, RolloutStatus, Unit, Variant
from twelve.infra.database import Database
from twelve.infra.schema import rollout_phases, rollouts

RUNNING = rollouts.c.status == RolloutStatus.RUNNING.value


class Rollouts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def start(
        self,
        app_id: UUID,
        name: str,
        unit: Unit,
        variants: Sequence[Variant],
        user: str,
        *,
        shadow: int | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> Rollout:
        """The next iteration of that name. Conflict when one runs already."""
        rollout_id, now = uuid4(), datetime.now(UTC)
        earlier = (rollouts.c.app_id == app_id) & (rollouts.c.name == name)
        iteration = select(func.coalesce(func.max(rollouts.c.iteration), 0) + 1).where(earlier).scalar_subquery()
        values = {
            "id": rollout_id, "app_id": app_id, "name": name, "iteration": iteration, "unit": unit.source,
            "anonymous": unit.anonymous, "status": RolloutStatus.RUNNING.value, "shadow": shadow,
            "settings": dict(settings or {}), "created_at": now,
        }  # fmt: skip
        try:
            with self._database.begin() as db:
                db.execute(insert(rollouts).values(values))
                _add_phase(db, rollout_id, variants, user, now)
        except IntegrityError as error:
            raise Conflict("A rollout of this app runs already.", hint="Promote or abort it first.") from error
        return self.get(rollout_id)

    def ramp(self, rollout: Rollout, variants: Sequence[Variant], user: str) -> Rollout:
        """A phase with other shares."""
        with self._database.begin() as db:
            _add_phase(db, rollout.id, variants, user, datetime.now(UTC))
        return self.get(rollout.id)

    def end(self, rollout: Rollout, status: RolloutStatus, reason: str) -> Rollout:
        """The first end counts."""
        values = {"status": status.value, "reason": reason, "ended_at": datetime.now(UTC)}
        with self._database.begin() as db:
            db.execute(update(rollouts).where(rollouts.c.id == rollout.id, RUNNING).values(values))
        return self.get(rollout.id)

    def get(self, rollout_id: UUID) -> Rollout:
        found = self._read(_query().where(rollouts.c.id == rollout_id))
        if not found:
            raise NotFound("Nobody knows this rollout.", resource="rollout")
        return found[0]

    def running(self, app_id: UUID) -> Rollout | None:
        found = self._read(_query().where(rollouts.c.app_id == app_id, RUNNING))
        return found[0] if found else None

    def all_running(self) -> builtins.list[Rollout]:
        """Of every app."""
        return self._read(_query().where(RUNNING))

    def latest(self) -> dict[UUID, Rollout]:
        """The last one of every app that has had one."""
        return {one.app_id: one for one in self._read(_query())}

    def list(self, app_id: UUID) -> Sequence[Rollout]:
        """Oldest first."""
        return self._read(_query().where(rollouts.c.app_id == app_id))

    def phases(self, rollout_id: UUID) -> Sequence[Phase]:
        mine = rollout_phases.c.rollout_id == rollout_id
        with self._database.begin() as db:
            rows = db.execute(select(rollout_phases).where(mine).order_by(rollout_phases.c.phase)).mappings()
            return [Phase(row["phase"], _variants(row["variants"]), row["user"], row["created_at"]) for row in rows]

    def _read(self, query: Select[tuple[object, ...]]) -> builtins.list[Rollout]:
        with self._database.begin() as db:
            return [_rollout(row) for row in db.execute(query).mappings()]


def _query() -> Select[tuple[object, ...]]:
    """Each with its last phase."""
    return (
        select(rollouts, rollout_phases.c.phase, rollout_phases.c.variants)
        .join(rollout_phases, rollout_phases.c.rollout_id == rollouts.c.id)
        .where(rollout_phases.c.phase == _last_phase(rollouts.c.id))
        .order_by(rollouts.c.created_at, rollouts.c.slot)
    )


def _last_phase(rollout_id: ColumnElement[UUID]) -> ColumnElement[int]:
    each = rollout_phases.alias()
    return select(func.max(each.c.phase)).where(each.c.rollout_id == rollout_id).correlate(rollouts).scalar_subquery()


def _add_phase(db: Connection, rollout_id: UUID, variants: Sequence[Variant], user: str, now: datetime) -> None:
    mine = rollout_phases.c.rollout_id == rollout_id
    number = select(func.coalesce(func.max(rollout_phases.c.phase), 0) + 1).where(mine).scalar_subquery()
    values = {
        "rollout_id": rollout_id, "phase": number, "variants": [asdict(one) for one in variants], "user": user,
        "created_at": now,
    }  # fmt: skip
    db.execute(insert(rollout_phases).values(values))


def _variants(documents: Iterable[Mapping[str, object]]) -> tuple[Variant, ...]:
    return tuple(_variant(**document) for document in documents)  # type: ignore[arg-type] # our own document


def _variant(name: str, release: int, ranges: Iterable[tuple[int, int]], processes: int | None = None) -> Variant:
    return Variant(name, release, tuple((first, last) for first, last in ranges), processes)


def _rollout(row: RowMapping) -> Rollout:
    return Rollout(
        id=row["id"],
        app_id=row["app_id"],
        name=row["name"],
        iteration=row["iteration"],
        unit=Unit(row["unit"], row["anonymous"]),
        variants=_variants(row["variants"]),
        slot=row["slot"],
        phase=row["phase"],
        status=RolloutStatus(row["status"]),
        created_at=row["created_at"],
        reason=row["reason"],
        shadow=row["shadow"],
        settings=row["settings"],
        ended_at=row["ended_at"],
    )
