"""What was built, in the platform's database: slugs by digest, and the record of every build of an app."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from twelve.core.errors import NotFound
from twelve.core.model import AddonWish, AppManifest, Build, EnvWish, FormationWish, HealthCheck, Layer, Slug
from twelve.infra.database import Database
from twelve.infra.schema import builds, releases, slugs

COLUMNS = {"id", "digest", "commit", "size", "created_at"}


class Slugs:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, slug_id: UUID) -> Slug:
        found = self._one(slugs.c.id == slug_id)
        if found is None:
            raise NotFound(f"There is no slug {slug_id}.", resource="slug")
        return found

    def several(self, ids: set[UUID]) -> dict[UUID, Slug]:
        with self._database.begin() as db:
            rows = db.execute(select(slugs).where(slugs.c.id.in_(ids))).mappings()
            return {row["id"]: _slug(row) for row in rows}

    def by_digest(self, digest: str) -> Slug | None:
        return self._one(slugs.c.digest == digest)

    def save(self, slug: Slug) -> Slug:
        """Saving the same slug twice keeps the first, with where its layers are now.

        An upsert waits for one of its unique indexes only, and fails at the other when two save it at once.
        """
        created = slug.created_at or datetime.now(UTC)
        values = {name: getattr(slug, name) for name in COLUMNS} | {"document": document(slug), "created_at": created}
        now = {"document": values["document"], "size": slug.size}
        with self._database.begin() as db:
            db.execute(insert(slugs).values(values).on_conflict_do_nothing())
            db.execute(update(slugs).where(slugs.c.id == slug.id).values(now))
        return self.get(slug.id)

    def list(self) -> list[Slug]:
        with self._database.begin() as db:
            return [_slug(row) for row in db.execute(select(slugs).order_by(slugs.c.created_at)).mappings()]

    def remove(self, digests: set[str]) -> None:
        """Forget slugs that no release refers to; builds keep their record."""
        unused = slugs.c.digest.in_(digests) & ~select(releases.c.id).where(releases.c.slug_id == slugs.c.id).exists()
        with self._database.begin() as db:
            gone = list(db.execute(select(slugs.c.id).where(unused)).scalars())
            db.execute(update(builds).where(builds.c.slug_id.in_(gone)).values(slug_id=None))
            db.execute(delete(slugs).where(slugs.c.id.in_(gone)))

    def _one(self, condition: Any) -> Slug | None:
        with self._database.begin() as db:
            row = db.execute(select(slugs).where(condition)).mappings().first()
        return None if row is None else _slug(row)


class Builds:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, app_id: UUID, *, user: str, version: str | None = None) -> Build:
        build_id = uuid4()
        values = {"id": build_id, "app_id": app_id, "status": "pending", "user": user, "version": version}
        with self._database.begin() as db:
            db.execute(insert(builds).values(values))
        return self.get(app_id, build_id)

    def get(self, app_id: UUID, build_id: UUID) -> Build:
        with self._database.begin() as db:
            query = select(builds).where(builds.c.app_id == app_id, builds.c.id == build_id)
            row = db.execute(query).mappings().first()
        if row is None:
            raise NotFound(f"This app has no build {build_id}.", resource="build", hint="`twelve builds` lists them.")
        return _build(row)

    def list(self, app_id: UUID) -> list[Build]:
        """Oldest first."""
        with self._database.begin() as db:
            query = select(builds).where(builds.c.app_id == app_id).order_by(builds.c.created_at, builds.c.id)
            return [_build(row) for row in db.execute(query).mappings()]

    def update(self, build_id: UUID, **changes: object) -> None:
        """`changes` are fields of Build: status, slug_id, release_id, source_digest, output, failure ..."""
        with self._database.begin() as db:
            statement = update(builds).where(builds.c.id == build_id)
            db.execute(statement.values(updated_at=datetime.now(UTC), **changes))

    def output(self, build_id: UUID) -> str:
        """What a build printed, by its id alone; empty when nobody knows it."""
        with self._database.begin() as db:
            return db.execute(select(builds.c.output).where(builds.c.id == build_id)).scalar_one_or_none() or ""

    def pending(self) -> set[UUID]:
        """Apps with a build on its way, or left half-way."""
        with self._database.begin() as db:
            return set(db.execute(select(builds.c.app_id).where(builds.c.status == "pending")).scalars())

    def fail_pending(self, app_id: UUID) -> int:
        """Builds that a dead server left half-way: nothing of them is left, so they failed."""
        reason = {"id": "platform_failed", "message": "The platform stopped during this build.", "stage": "build"}
        with self._database.begin() as db:
            statement = update(builds).where(builds.c.status == "pending", builds.c.app_id == app_id)
            changes = {"status": "failed", "failure": reason, "updated_at": datetime.now(UTC)}
            return db.execute(statement.values(**changes)).rowcount


def document(slug: Slug) -> dict[str, Any]:
    """Everything of a slug that has no column of its own, as JSON."""
    whole = {field.name: getattr(slug, field.name) for field in dataclasses.fields(slug) if field.name not in COLUMNS}
    layers = [{"kind": layer.kind, "key": layer.key, "path": str(layer.path)} for layer in slug.layers]
    return {
        **whole,
        "layers": layers,
        "manifest": dataclasses.asdict(slug.manifest),
        "process_types": dict(slug.process_types),
        "process_order": list(slug.process_types),  # jsonb has an order of its own
    }


def _slug(row: RowMapping) -> Slug:
    known = row["document"]
    return Slug(
        id=row["id"],
        digest=row["digest"],
        commit=row["commit"],
        size=row["size"],
        created_at=row["created_at"],
        layers=tuple(Layer(layer["kind"], layer["key"], Path(layer["path"])) for layer in known["layers"]),
        process_types={type_: known["process_types"][type_] for type_ in known["process_order"]},
        manifest=_manifest(known["manifest"]),
        languages=tuple(known["languages"]),
        env=known["env"],
        binds=tuple(known["binds"]),
        required_keys=known["required_keys"],
        clients=tuple(known.get("clients", ())),  # slugs of old have none
    )


def _manifest(known: Mapping[str, Any]) -> AppManifest:
    return AppManifest(
        name=known["name"],
        description=known["description"],
        env=tuple(EnvWish(**wish) for wish in known["env"]),
        addons=tuple(AddonWish(**wish) for wish in known["addons"]),
        formation={type_: FormationWish(**wish) for type_, wish in known["formation"].items()},
        healthchecks={type_: tuple(map(_check, checks)) for type_, checks in known["healthchecks"].items()},
        cron=tuple(known["cron"]),
    )


def _check(known: Mapping[str, Any]) -> HealthCheck:
    headers = tuple((name, value) for name, value in known["http_headers"])
    return HealthCheck(**{**known, "command": tuple(known["command"]), "http_headers": headers})


def _build(row: RowMapping) -> Build:
    return Build(**row)
