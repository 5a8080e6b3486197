"""Retrainings on record: each step is written before the next begins, so that whoever starts anew can go on from it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from twelve.core.errors import Conflict, NotFound
from twelve.core.model import Retraining, RetrainingState
from twelve.core.model.retraining import JUDGED, UNDER_WAY
from twelve.infra.database import Database, as_id
from twelve.infra.schema import retrainings

KEPT = 50  # retrainings of an app that stay on record
_UNDER_WAY = [state.value for state in UNDER_WAY]


class Retrainings:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, made: Retraining) -> Retraining:
        """Conflict while another one of the app is under way."""
        values = asdict(made) | {"state": made.state.value, "checks": list(made.checks)}
        with self._database.begin() as db:
            added = db.execute(insert(retrainings).values(values).on_conflict_do_nothing().returning(retrainings.c.id))
            if added.first() is None:
                raise Conflict(
                    "This app is being retrained already.", hint="`twelve retrain --history` shows how far it is."
                )
            done = retrainings.c.state.not_in(_UNDER_WAY)
            mine = retrainings.c.app_id == made.app_id
            newest = select(retrainings.c.id).where(mine).order_by(retrainings.c.created_at.desc()).limit(KEPT)
            judged = retrainings.c.state.in_([state.value for state in JUDGED])
            db.execute(delete(retrainings).where(mine, done, ~judged, retrainings.c.id.not_in(newest)))
        return made

    def move(self, retraining_id: UUID, state: RetrainingState, **values: Any) -> Retraining:
        """To another state, or leave it; an end is stamped. Nothing follows an end."""
        now = datetime.now(UTC)
        ended = {} if state in UNDER_WAY else {"ended_at": now}
        change = update(retrainings).where(retrainings.c.id == retraining_id, retrainings.c.state.in_(_UNDER_WAY))
        with self._database.begin() as db:
            db.execute(change.values(state=state.value, updated_at=now, **ended, **values))
        return self.by_id(retraining_id)

    def by_id(self, retraining_id: UUID) -> Retraining:
        found = self._list(retrainings.c.id == retraining_id)
        if not found:
            raise NotFound("That retraining is not on record any more.", resource="retraining")
        return found[0]

    def get(self, app_id: UUID, ref: str) -> Retraining:
        """By id or by the name of its process."""
        named = retrainings.c.dyno == ref
        found_id = as_id(ref)
        known = retrainings.c.id == found_id if found_id else named
        found = self._list(retrainings.c.app_id == app_id, known)
        if not found:
            hint = "`twelve retrain --history` lists them."
            raise NotFound(f"This app has no retraining {ref}.", resource="retraining", hint=hint)
        return found[0]

    def list(self, app_id: UUID) -> Sequence[Retraining]:
        """Newest first."""
        return self._list(retrainings.c.app_id == app_id)

    def under_way(self) -> Sequence[Retraining]:
        return self._list(retrainings.c.state.in_(_UNDER_WAY))

    def judged(self, app_id: UUID, model: str) -> set[str]:
        """Versions about which the gate has said something."""
        states = [state.value for state in JUDGED]
        found = self._list(
            retrainings.c.app_id == app_id, retrainings.c.model == model, retrainings.c.state.in_(states)
        )
        return {one.candidate for one in found if one.candidate}

    def _list(self, *conditions: ColumnElement[bool]) -> Sequence[Retraining]:
        query = select(retrainings).where(*conditions).order_by(retrainings.c.created_at.desc())
        with self._database.begin() as db:
            return [_retraining(row) for row in db.execute(query).mappings()]


def _retraining(row: RowMapping) -> Retraining:
    return Retraining(**{**row, "state": RetrainingState(row["state"]), "checks": tuple(row["checks"])})
