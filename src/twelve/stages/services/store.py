"""Factor IV in the database: which backing services there are, and under which names apps know them."""

import json
import random
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.exc import IntegrityError

from twelve.core.errors import Conflict, NotFound, UsageError
from twelve.core.model import Attachment, ConfigVars, Resource
from twelve.core.ports import Sealer
from twelve.infra.database import Database, as_id
from twelve.infra.schema import attachments, resources

SHAPES = ("angular", "round", "flat", "slender", "oval", "square", "curved", "spiral", "tall", "wide", "conic", "cubic")
PREFIXES = {"postgres": "postgresql"}  # what Heroku begins its names with; other kinds begin with their own name
NAME = re.compile(r"[a-z][a-z0-9-]{1,58}[a-z0-9]")


class Resources:
    """Details are sealed, bound to the resource's id."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def free_name(self, kind: str, wanted: str | None) -> str:
        """`wanted` when it is a fit name nobody has, else one like postgresql-calm-12345."""
        if wanted is None:
            return _generated(kind)
        if not NAME.fullmatch(wanted):
            raise UsageError(
                f'"{wanted}" is not a name for a service: 3 to 60 lower-case letters, digits and "-", a letter first.'
            )
        with self._database.begin() as db:
            if db.execute(select(resources.c.id).where(resources.c.name == wanted)).first():
                raise _taken(wanted)
        return wanted

    def create(self, app_id: UUID, *, name: str, provider: str, plan: str, details: ConfigVars) -> Resource:
        now = datetime.now(UTC)
        made = Resource(uuid4(), app_id, name, provider, plan, now, now, details)
        sealed = self._sealer.seal(json.dumps(dict(details)).encode(), context=_context(made.id))
        row = {"id": made.id, "app_id": app_id, "name": name, "provider": provider, "plan": plan}
        try:
            with self._database.begin() as db:
                db.execute(insert(resources).values(**row, sealed_details=sealed, created_at=now, updated_at=now))
        except IntegrityError:
            raise _taken(name) from None
        return made

    def get(self, ref: str | UUID) -> Resource:
        """By id or name."""
        by_id = as_id(ref)
        column = resources.c.name == ref if by_id is None else resources.c.id == by_id
        with self._database.begin() as db:
            row = db.execute(select(resources).where(column)).one_or_none()
        if row is None:
            raise NotFound(f'There is no service "{ref}".', resource="add_on", hint="`twelve services` lists them.")
        return self._resource(row)

    def list(self, app_id: UUID | None = None) -> list[Resource]:
        query = select(resources).order_by(resources.c.created_at, resources.c.name)
        with self._database.begin() as db:
            rows = db.execute(query if app_id is None else query.where(resources.c.app_id == app_id)).all()
        return [self._resource(row) for row in rows]

    def delete(self, resource_id: UUID) -> None:
        """With its attachments."""
        with self._database.begin() as db:
            db.execute(delete(resources).where(resources.c.id == resource_id))

    def _resource(self, row: Row[Any]) -> Resource:
        values = row._asdict()
        opened = self._sealer.open(values.pop("sealed_details"), context=_context(row.id))
        return Resource(**values, details=ConfigVars(json.loads(opened)))


class Attachments:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, app_id: UUID, resource_id: UUID, name: str) -> Attachment:
        made = Attachment(uuid4(), app_id, resource_id, name, datetime.now(UTC))
        values = {"id": made.id, "app_id": app_id, "resource_id": resource_id, "name": name}
        try:
            with self._database.begin() as db:
                db.execute(insert(attachments).values(**values, created_at=made.created_at))
        except IntegrityError:
            raise Conflict(
                f"The app already has an attachment {name}.", hint="Choose another name with --as."
            ) from None
        return made

    def get(self, ref: UUID) -> Attachment:
        with self._database.begin() as db:
            row = db.execute(select(attachments).where(attachments.c.id == ref)).one_or_none()
        if row is None:
            raise NotFound(f'There is no attachment "{ref}".', resource="add_on attachment")
        return _attachment(row)

    def of_resource(self, resource_id: UUID) -> list[Attachment]:
        query = select(attachments).where(attachments.c.resource_id == resource_id)
        return self._all(query.order_by(attachments.c.created_at, attachments.c.name))

    def delete(self, attachment_id: UUID) -> None:
        with self._database.begin() as db:
            db.execute(delete(attachments).where(attachments.c.id == attachment_id))

    def _all(self, query: Any) -> list[Attachment]:
        with self._database.begin() as db:
            return [_attachment(row) for row in db.execute(query)]

    def list(self, app_id: UUID | None = None) -> list[Attachment]:
        query = select(attachments).order_by(attachments.c.created_at, attachments.c.name)
        return self._all(query if app_id is None else query.where(attachments.c.app_id == app_id))


def _generated(kind: str) -> str:
    pick = random.SystemRandom()
    return f"{PREFIXES.get(kind, kind)}-{pick.choice(SHAPES)}-{pick.randint(10000, 99999)}"


def _taken(name: str) -> Conflict:
    return Conflict(f'There is already a service "{name}".', resource="add_on", hint="Choose another name.")


def _context(resource_id: UUID) -> str:
    return f"resource:{resource_id}"


def _attachment(row: Row[Any]) -> Attachment:
    return Attachment(**row._asdict())
