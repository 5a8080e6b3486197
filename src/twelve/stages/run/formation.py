"""The formation of an app: how many processes of each type, and of what size."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from twelve.core.model import Autoscale, FormationEntry
from twelve.infra.database import Database
from twelve.infra.schema import formation

Entries: TypeAlias = list[FormationEntry]  # `list` is a method below


class Formations:
    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, app_id: UUID) -> list[FormationEntry]:
        """Web first, then by name."""
        entries = self._select(formation.c.app_id == app_id)
        return sorted(entries, key=lambda entry: (entry.type != "web", entry.type))

    def autoscaled(self) -> Entries:
        """Of every app."""
        return self._select(formation.c.autoscale.is_not(None))

    def save(self, entries: Sequence[FormationEntry]) -> None:
        """Add these types or change them; others stay as they are."""
        if not entries:
            return
        statement = insert(formation)
        changed = {
            "quantity": statement.excluded.quantity,
            "size": statement.excluded.size,
            "autoscale": statement.excluded.autoscale,
            "updated_at": func.now(),
        }
        rows = [
            {
                "app_id": entry.app_id,
                "type": entry.type,
                "quantity": entry.quantity,
                "size": entry.size,
                "autoscale": asdict(entry.autoscale) if entry.autoscale else None,
            }
            for entry in entries
        ]
        with self._database.begin() as db:
            db.execute(statement.on_conflict_do_update(index_elements=["app_id", "type"], set_=changed), rows)

    def replace(self, app_id: UUID, entries: Sequence[FormationEntry]) -> None:
        """These types and no others."""
        self.save(entries)
        self._delete(app_id, keep=[entry.type for entry in entries])

    def delete(self, app_id: UUID) -> None:
        self._delete(app_id, keep=[])

    def _select(self, where: ColumnElement[bool]) -> Entries:
        wanted = (formation.c.app_id, formation.c.type, formation.c.quantity, formation.c.size, formation.c.autoscale)
        with self._database.begin() as db:
            return [
                FormationEntry(app_id, kind, quantity, size, Autoscale(**wish) if wish else None)
                for app_id, kind, quantity, size, wish in db.execute(select(*wanted).where(where))
            ]

    def _delete(self, app_id: UUID, keep: Sequence[str]) -> None:
        with self._database.begin() as db:
            db.execute(delete(formation).where(formation.c.app_id == app_id, formation.c.type.not_in(keep)))
