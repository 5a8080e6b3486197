"""Which drains there are. URLs are sealed, each bound to its drain's id."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, delete, insert, select

from twelve.core.model import Drain
from twelve.core.ports import Sealer
from twelve.infra.database import Database
from twelve.infra.schema import drains


class Drains:
    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def create(self, app_id: UUID, url: str) -> Drain:
        now = datetime.now(UTC)
        made = Drain(uuid4(), app_id, f"d.{uuid4()}", now, now, url)
        row = {"id": made.id, "app_id": app_id, "token": made.token, "created_at": now, "updated_at": now}
        sealed = self._sealer.seal(url.encode(), context=_context(made.id))
        with self._database.begin() as db:
            db.execute(insert(drains).values(**row, sealed_url=sealed))
        return made

    def list(self, app_id: UUID | None = None) -> list[Drain]:
        query = select(drains).order_by(drains.c.created_at, drains.c.id)
        with self._database.begin() as db:
            rows = db.execute(query if app_id is None else query.where(drains.c.app_id == app_id)).all()
        return [self._drain(row) for row in rows]

    def delete(self, drain_id: UUID) -> None:
        with self._database.begin() as db:
            db.execute(delete(drains).where(drains.c.id == drain_id))

    def _drain(self, row: Row[Any]) -> Drain:
        values = row._asdict()
        url = self._sealer.open(values.pop("sealed_url"), context=_context(row.id))
        return Drain(**values, url=url.decode())


def _context(drain_id: UUID) -> str:
    return f"drain:{drain_id}"
