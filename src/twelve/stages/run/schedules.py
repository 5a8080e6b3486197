"""Factor XII by the clock: schedules, and the runs they led to. A run is on record before it is started.

(schedule, due) is unique, so of all servers on this database one gets to start a slot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql import null

from twelve.core.errors import Conflict, NotFound
from twelve.core.model import RunState, Schedule, ScheduleRun, ScheduleWish
from twelve.core.policy.schedule import KEPT
from twelve.infra.database import Database
from twelve.infra.schema import schedule_runs, schedules

UNDER_WAY = (RunState.STARTING.value, RunState.RUNNING.value)
_WISH = ("command", "schedule", "name", "timezone", "policy", "start_deadline", "ttl", "suspended", "retrain")


class Schedules:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, app_id: UUID, wish: ScheduleWish, declared: Mapping[str, object] | None = None) -> Schedule:
        now = datetime.now(UTC)
        made = Schedule(uuid4(), app_id, wish, seen=now, created_at=now, updated_at=now, declared=declared)
        values = _columns(wish, declared) | {
            "id": made.id, "app_id": app_id, "seen": now, "created_at": now, "updated_at": now
        }  # fmt: skip
        with self._database.begin() as db:
            statement = insert(schedules).values(values).on_conflict_do_nothing()
            added = db.execute(statement.returning(schedules.c.id)).first()
        if added is None:
            raise Conflict(f'This app has a schedule "{wish.name}" already.', hint="Give another one with --name.")
        return made

    def change(
        self, schedule: Schedule, wish: ScheduleWish, declared: Mapping[str, object] | None, now: datetime
    ) -> Schedule:
        """Slots of the time before it was due like this, or at all, are no concern any more."""
        times = ("schedule", "timezone", "suspended")
        same = all(getattr(wish, name) == getattr(schedule.wish, name) for name in times)
        values = _columns(wish, declared) | {"updated_at": now} | ({} if same else {"seen": now})
        with self._database.begin() as db:
            db.execute(update(schedules).where(schedules.c.id == schedule.id).values(values))
        return replace(schedule, wish=wish, declared=declared, seen=schedule.seen if same else now, updated_at=now)

    def list(self, app_id: UUID | None = None) -> Sequence[Schedule]:
        query = select(schedules).order_by(schedules.c.name)
        if app_id is not None:
            query = query.where(schedules.c.app_id == app_id)
        with self._database.begin() as db:
            return [_schedule(row) for row in db.execute(query).mappings()]

    def get(self, app_id: UUID, ref: str) -> Schedule:
        """By name or id."""
        for schedule in self.list(app_id):
            if ref in {schedule.name, str(schedule.id)}:
                return schedule
        raise NotFound(
            f'This app has no schedule "{ref}".', resource="schedule", hint="`twelve schedule list` lists them."
        )

    def delete(self, schedule_id: UUID) -> None:
        with self._database.begin() as db:
            db.execute(delete(schedules).where(schedules.c.id == schedule_id))

    def claim(self, schedule: Schedule, run: ScheduleRun, *, slot: bool = True) -> bool:
        """Put the outcome of a due time on record; False when another server has done so, or the schedule is gone.

        `slot`: a time of the schedule itself, behind which nobody looks again.
        """
        with self._database.begin() as db:
            row = select(schedules.c.seen).where(schedules.c.id == schedule.id).with_for_update()
            seen = db.execute(row).scalar_one_or_none()
            if seen is None or (slot and seen >= run.due):
                return False
            statement = insert(schedule_runs).values(asdict(run) | {"state": run.state.value})
            won = db.execute(statement.on_conflict_do_nothing().returning(schedule_runs.c.id)).first()
            if slot:
                _see(db, schedule.id, run.due)
            _prune(db, schedule.id)
        return won is not None

    def see(self, schedule: Schedule, until: datetime) -> None:
        with self._database.begin() as db:
            _see(db, schedule.id, until)

    def runs(self, schedule_id: UUID) -> Sequence[ScheduleRun]:
        """Newest first."""
        return self._runs(schedule_runs.c.schedule_id == schedule_id)

    def under_way(self, schedule_id: UUID | None = None) -> Sequence[ScheduleRun]:
        found = self._runs(schedule_runs.c.state.in_(UNDER_WAY))
        return [run for run in found if schedule_id in {None, run.schedule_id}]

    def begun(self, run: ScheduleRun, dyno: str, release_version: int, now: datetime) -> ScheduleRun:
        """Call it before the start: an end may follow at once."""
        changes: dict[str, Any] = {
            "state": RunState.RUNNING, "dyno": dyno, "release_version": release_version,
            "started_at": now,
        }  # fmt: skip
        with self._database.begin() as db:
            db.execute(update(schedule_runs).where(schedule_runs.c.id == run.id).values(changes))
        return replace(run, **changes)

    def over(
        self, run_id: UUID, state: RunState, now: datetime, *, status: int | None = None, reason: str = ""
    ) -> None:
        """The first end counts."""
        change = update(schedule_runs).where(schedule_runs.c.id == run_id, schedule_runs.c.state.in_(UNDER_WAY))
        with self._database.begin() as db:
            db.execute(change.values(state=state.value, exit_status=status, reason=reason, ended_at=now))

    def _runs(self, condition: ColumnElement[bool]) -> Sequence[ScheduleRun]:
        query = select(schedule_runs).where(condition).order_by(schedule_runs.c.due.desc())
        with self._database.begin() as db:
            return [_run(row) for row in db.execute(query).mappings()]


def run_of(schedule: Schedule, due: datetime, state: RunState, now: datetime, reason: str = "") -> ScheduleRun:
    return ScheduleRun(uuid4(), schedule.id, due, state, now, reason)


def _see(db: Connection, schedule_id: UUID, until: datetime) -> None:
    later = func.greatest(schedules.c.seen, until)
    db.execute(update(schedules).where(schedules.c.id == schedule_id).values(seen=later))


def _prune(db: Connection, schedule_id: UUID) -> None:
    """The newest stay, and what still runs."""
    mine = schedule_runs.c.schedule_id == schedule_id
    newest = select(schedule_runs.c.id).where(mine).order_by(schedule_runs.c.due.desc()).limit(KEPT)
    done = schedule_runs.c.state.not_in(UNDER_WAY)
    db.execute(delete(schedule_runs).where(mine, done, schedule_runs.c.id.not_in(newest)))


def _columns(wish: ScheduleWish, declared: Mapping[str, object] | None) -> dict[str, Any]:
    return asdict(wish) | {"declared": null() if declared is None else dict(declared)}


def _schedule(row: RowMapping) -> Schedule:
    return Schedule(
        id=row["id"],
        app_id=row["app_id"],
        wish=ScheduleWish(**{name: row[name] for name in _WISH}),
        seen=row["seen"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        declared=row["declared"],
    )


def _run(row: RowMapping) -> ScheduleRun:
    return ScheduleRun(**{**row, "state": RunState(row["state"])})
