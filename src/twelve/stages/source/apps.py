"""Factor I: which apps there are, and the host names that lead to them."""

import random
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from twelve.core.errors import Conflict, NotFound, UsageError
from twelve.core.model import App, Domain, app_name_problem
from twelve.infra.database import Database, as_id
from twelve.infra.schema import apps, domains

ADJECTIVES = ("calm", "bold", "quiet", "bright", "gentle", "swift", "warm", "clear", "deep", "fresh", "kind", "lucid")
NOUNS = ("river", "meadow", "harbor", "forest", "canyon", "island", "summit", "valley", "garden", "lagoon", "prairie")


def generated_name() -> str:
    pick = random.SystemRandom()
    return f"{pick.choice(ADJECTIVES)}-{pick.choice(NOUNS)}-{pick.randint(1000, 9999)}"


class Apps:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, ref: str | UUID) -> App:
        """By name or id."""
        by_id = as_id(ref)
        column = apps.c.name == ref if by_id is None else apps.c.id == by_id
        with self._database.begin() as db:
            row = db.execute(select(apps).where(column)).one_or_none()
        if row is None:
            raise NotFound(f'There is no app "{ref}".', resource="app", hint="`twelve apps` lists them.")
        return _app(row)

    def create(self, name: str | None, owner: str) -> App:
        name = name or generated_name()
        if problem := app_name_problem(name):
            raise UsageError(problem)
        now = datetime.now(UTC)
        app = App(id=uuid4(), name=name, owner=owner, created_at=now, updated_at=now)
        values = {"id": app.id, "name": name, "owner": owner, "created_at": now, "updated_at": now}
        try:
            with self._database.begin() as db:
                db.execute(insert(apps).values(values))
        except IntegrityError:
            raise Conflict("Name is already taken", resource="app") from None
        return app

    def change(self, app_id: UUID, **values: object) -> App:
        """Set columns of the apps table: maintenance, stopped, current_release."""
        with self._database.begin() as db:
            db.execute(update(apps).where(apps.c.id == app_id).values(updated_at=datetime.now(UTC), **values))
        return self.get(app_id)

    def delete(self, app_id: UUID) -> None:
        with self._database.begin() as db:
            db.execute(delete(apps).where(apps.c.id == app_id))

    def domains(self, app_id: UUID) -> list[Domain]:
        query = select(domains).where(domains.c.app_id == app_id).order_by(domains.c.hostname)
        with self._database.begin() as db:
            return [_domain(row) for row in db.execute(query)]

    def add_domain(self, app_id: UUID, hostname: str) -> Domain:
        domain = Domain(uuid4(), app_id, hostname.lower(), datetime.now(UTC))
        values = {"id": domain.id, "app_id": app_id, "hostname": domain.hostname, "created_at": domain.created_at}
        try:
            with self._database.begin() as db:
                db.execute(insert(domains).values(values))
        except IntegrityError:
            raise Conflict(f'The domain "{hostname}" is already in use.', resource="domain") from None
        return domain

    def remove_domain(self, app_id: UUID, ref: str) -> Domain:
        for domain in self.domains(app_id):
            if ref in {domain.hostname, str(domain.id)}:
                with self._database.begin() as db:
                    db.execute(delete(domains).where(domains.c.id == domain.id))
                return domain
        raise NotFound(f'This app has no domain "{ref}".', resource="domain")

    def list(self) -> list[App]:
        with self._database.begin() as db:
            return [_app(row) for row in db.execute(select(apps).order_by(apps.c.name))]


def _app(row: Row[Any]) -> App:
    return App(**row._asdict())


def _domain(row: Row[Any]) -> Domain:
    return Domain(**row._asdict())
