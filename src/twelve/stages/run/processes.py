"""What the local engine started, on record so that the next server can adopt it.

First the row, then the start, then the pid.
"""

import builtins
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, delete, insert, select, update

from twelve.core.model import Process, ProcessState
from twelve.infra.database import Database
from twelve.infra.schema import apps, processes


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """`pid` is the sandbox or, without one, the app's first process, and `pid_started` its start time in clock ticks
    since boot, so that a pid used again is told apart. `exits` counts exits in a row. `up_since` is seconds since the
    epoch."""

    id: UUID
    app_id: UUID
    app: str
    release_id: UUID
    release_version: int
    type: str
    number: int
    command: str
    size: str
    state: ProcessState
    kept: bool
    created_at: datetime
    exits: int = 0
    pid: int | None = None
    pid_started: int | None = None
    port: int | None = None
    exit_status: int | None = None
    up_since: float | None = None

    def process(self, changed_at: datetime) -> Process:
        return Process(
            id=self.id,
            app_id=self.app_id,
            app=self.app,
            type=self.type,
            number=self.number,
            release_id=self.release_id,
            release_version=self.release_version,
            command=self.command,
            state=self.state,
            size=self.size,
            created_at=self.created_at,
            updated_at=changed_at,
            pid=self.pid,
            port=self.port,
            exit_status=self.exit_status,
        )


class ProcessRecords:
    def __init__(self, database: Database, server: str = "") -> None:
        """`server` tells the servers on one database apart."""
        self._database = database
        self._server = server

    def insert(self, records: Sequence[ProcessRecord]) -> None:
        with self._database.begin() as db:
            db.execute(insert(processes), [_row(record) | {"server": self._server} for record in records])

    def update(self, records: Sequence[ProcessRecord]) -> None:
        """Write what changes in a life. One that is no longer on record stays away."""
        changing = ("state", "exits", "pid", "pid_started", "port", "exit_status", "up_since")
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in changing}
        statement = update(processes).where(processes.c.id == bindparam("which"))
        rows = [
            {"which": record.id, "new_now": datetime.now(UTC)}
            | {f"new_{name}": getattr(record, name) for name in changing}
            for record in records
        ]
        with self._database.begin() as db:
            db.execute(statement.values(**values, updated_at=bindparam("new_now")), rows)

    def delete(self, ids: Iterable[UUID]) -> None:
        with self._database.begin() as db:
            db.execute(delete(processes).where(processes.c.id.in_(list(ids))))

    def own(self) -> builtins.list[ProcessRecord]:
        """What this server started, and what was started before servers were told apart."""
        return self._read(_query().where(processes.c.server.in_(["", self._server])))

    def list(self, app_id: UUID | None = None) -> list[ProcessRecord]:
        """Those of every server."""
        return self._read(_query() if app_id is None else _query().where(processes.c.app_id == app_id))

    def _read(self, query: Select[tuple[object, ...]]) -> builtins.list[ProcessRecord]:
        with self._database.begin() as db:
            return [_record(dict(row)) for row in db.execute(query.order_by(processes.c.created_at)).mappings()]


def _query() -> Select[tuple[object, ...]]:
    return select(processes, apps.c.name.label("app")).join(apps, apps.c.id == processes.c.app_id)


def _row(record: ProcessRecord) -> dict[str, Any]:
    return {name: value for name, value in asdict(record).items() if name != "app"} | {"updated_at": record.created_at}


def _record(row: dict[str, Any]) -> ProcessRecord:
    del row["updated_at"], row["server"]
    return ProcessRecord(**{**row, "state": ProcessState(row["state"])})
