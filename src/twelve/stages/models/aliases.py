"""Aliases of an app's models: a word such as champion for a version, with who set it when. Rows are only added."""

from uuid import UUID

from sqlalchemy import RowMapping, insert, select

from twelve.core.errors import NotFound
from twelve.core.model import Alias
from twelve.infra.database import Database
from twelve.infra.schema import model_aliases


class Aliases:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, app_id: UUID, name: str, alias: str, version: str | None, digest: str | None, user: str) -> Alias:
        values = {"app_id": app_id, "name": name, "alias": alias, "version": version, "digest": digest, "user": user}
        with self._database.begin() as db:
            return _alias(db.execute(insert(model_aliases).values(values).returning(model_aliases)).mappings().one())

    def history(self, app_id: UUID) -> list[Alias]:
        """The oldest first."""
        query = select(model_aliases).where(model_aliases.c.app_id == app_id).order_by(model_aliases.c.id)
        with self._database.begin() as db:
            return [_alias(row) for row in db.execute(query).mappings()]

    def current(self, app_id: UUID) -> list[Alias]:
        """What each alias means now, by name and alias."""
        newest = {(entry.name, entry.alias): entry for entry in self.history(app_id)}
        return [newest[key] for key in sorted(newest) if newest[key].version is not None]

    def get(self, app_id: UUID, name: str, alias: str) -> Alias:
        for entry in self.current(app_id):
            if (entry.name, entry.alias) == (name, alias):
                return entry
        raise NotFound(f"There is no alias {name}@{alias}.", hint="`twelve models alias` lists them.")


def _alias(row: RowMapping) -> Alias:
    return Alias(row["name"], row["alias"], row["version"], row["digest"], row["user"], row["created_at"])
