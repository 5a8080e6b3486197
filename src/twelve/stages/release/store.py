"""The ledger of releases: append-only, numbered by app; only status, output and failure are written after the fact."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, RowMapping, Select, false, func, insert, select, update

from twelve.core.errors import NotFound
from twelve.core.model import App, ConfigVars, ModelVersion, Release, ReleaseStatus, Slug
from twelve.core.ports import Sealer
from twelve.infra.database import Database, as_id
from twelve.infra.schema import apps, releases, slugs

DIGITS = 10  # a release's number fits in 32 bits


@dataclass(frozen=True, slots=True)
class Draft:
    """What a release is made of, before it has a number."""

    app: App
    slug: Slug | None
    dotenv: ConfigVars
    own: ConfigVars
    attached: ConfigVars
    attachments: Mapping[str, str]
    description: str
    user: str
    status: ReleaseStatus = ReleaseStatus.PENDING
    candidate: bool = False
    model: ModelVersion | None = None


class Releases:
    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def create(self, draft: Draft) -> Release:
        """The next number of the app; the caller holds the app's lock."""
        release_id, now = uuid4(), datetime.now(UTC)
        layers = {"dotenv": dict(draft.dotenv), "own": dict(draft.own), "attached": dict(draft.attached)}
        sealed = self._sealer.seal(json.dumps(layers).encode(), context=_context(release_id))
        following = select(func.coalesce(func.max(releases.c.version), 0) + 1).where(releases.c.app_id == draft.app.id)
        values = {
            "id": release_id,
            "app_id": draft.app.id,
            "version": following.scalar_subquery(),
            "slug_id": draft.slug.id if draft.slug else None,
            "status": draft.status.value,
            "description": draft.description,
            "user": draft.user,
            "sealed_config": sealed,
            "attachments": dict(draft.attachments),
            "candidate": draft.candidate,
            "model": draft.model and draft.model.document(),
            "created_at": now,
            "updated_at": now,
        }
        with self._database.begin() as db:
            db.execute(insert(releases).values(values))
        return self.get(draft.app.id, release_id)

    def get(self, app_id: UUID, ref: str | int | UUID) -> Release:
        """By id, number or "v7"."""
        with self._database.begin() as db:
            row = db.execute(_query().where(releases.c.app_id == app_id, _named(ref))).mappings().one_or_none()
        if row is None:
            raise NotFound(f"This app has no release {ref}.", resource="release", hint="`twelve releases` lists them.")
        return self._release(row)

    def current(self, app: App) -> Release | None:
        return None if app.current_release is None else self.get(app.id, app.current_release)

    def all_current(self) -> dict[UUID, Release]:
        """What every app runs, by app, in one question."""
        query = _query().join(apps, apps.c.current_release == releases.c.id)
        with self._database.begin() as db:
            return {row["app_id"]: self._release(row) for row in db.execute(query).mappings()}

    def finish(self, release: Release, status: ReleaseStatus, failure: Mapping[str, object] | None = None) -> None:
        self._update(release.id, status=status.value, failure=failure)

    def add_output(self, release: Release, text: str) -> None:
        self._update(release.id, output=releases.c.output + text)

    def pending(self) -> set[UUID]:
        """Apps with a release on its way, or left half-way."""
        query = select(releases.c.app_id).where(releases.c.status == ReleaseStatus.PENDING.value)
        with self._database.begin() as db:
            return set(db.execute(query).scalars())

    def fail_pending(self, app_id: UUID) -> int:
        """Releases that a dead server left half-way: they never served, so they failed."""
        reason = {"id": "platform_failed", "message": "The platform stopped during this release."}
        pending = releases.c.status == ReleaseStatus.PENDING.value
        statement = update(releases).where(pending, releases.c.app_id == app_id)
        with self._database.begin() as db:
            return db.execute(statement.values(status=ReleaseStatus.FAILED.value, failure=reason)).rowcount

    def slugs_in_use(self) -> set[str]:
        """Digests of every slug some release refers to."""
        query = select(slugs.c.digest).join(releases, releases.c.slug_id == slugs.c.id).distinct()
        with self._database.begin() as db:
            return set(db.execute(query).scalars())

    def models_in_use(self) -> set[str]:
        """Digests of every model some release of any app has pinned."""
        with self._database.begin() as db:
            found = db.execute(select(releases.c.model).where(releases.c.model.is_not(None))).scalars()
            return {digest for model in found for digest in (model["digest"], *model["pins"].values())}

    def _update(self, release_id: UUID, **values: object) -> None:
        with self._database.begin() as db:
            change = update(releases).where(releases.c.id == release_id)
            db.execute(change.values(updated_at=datetime.now(UTC), **values))

    def _release(self, row: RowMapping) -> Release:
        layers = json.loads(self._sealer.open(row["sealed_config"], context=_context(row["id"])))
        return Release(
            id=row["id"],
            app_id=row["app_id"],
            version=row["version"],
            slug_id=row["slug_id"],
            status=ReleaseStatus(row["status"]),
            description=row["description"],
            user=row["user"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            dotenv=ConfigVars(layers["dotenv"]),
            own=ConfigVars(layers["own"]),
            attached=ConfigVars(layers["attached"]),
            attachments=row["attachments"],
            process_types=(row["document"] or {}).get("process_types", {}),
            commit=row["commit"],
            failure=row["failure"],
            output=row["output"],
            candidate=row["candidate"],
            model=ModelVersion(**row["model"]) if row["model"] else None,
        )

    def list(self, app_id: UUID) -> list[Release]:
        with self._database.begin() as db:
            rows = db.execute(_query().where(releases.c.app_id == app_id).order_by(releases.c.version)).mappings()
            return [self._release(row) for row in rows]


def _query() -> Select[tuple[object, ...]]:
    return select(releases, slugs.c.document, slugs.c.commit).outerjoin(slugs, slugs.c.id == releases.c.slug_id)


def _named(ref: str | int | UUID) -> ColumnElement[bool]:
    number = str(ref).removeprefix("v")
    if number.isdecimal() and len(number) < DIGITS:
        return releases.c.version == int(number)
    found = as_id(ref)
    return releases.c.id == found if found else false()


def _context(release_id: UUID) -> str:
    return f"release:{release_id}"
