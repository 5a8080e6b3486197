"""Slugs and builds in a real Postgres: what goes in comes out, and what a dead server left behind is ended."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import insert

from twelve.core.errors import NotFound
from twelve.core.model import AddonWish, AppManifest, EnvWish, FormationWish, HealthCheck, Layer, Slug
from twelve.infra import schema
from twelve.stages.build.store import Builds, Slugs

pytestmark = pytest.mark.integration


@pytest.fixture
def app_id(database):
    made = uuid4()
    with database.begin() as db:
        db.execute(insert(schema.apps).values(id=made, name=f"app-{made.hex[:8]}", owner="me@example.com"))
    return made


def slug(**fields):
    manifest = AppManifest(
        name="x",
        env=(EnvWish("A", generator="secret"), EnvWish("B", value="1")),
        addons=(AddonWish("postgres", "DB"),),
        formation={"web": FormationWish(quantity=2, size="basic", boot_timeout=5.0)},
        healthchecks={"web": (HealthCheck(path="/up", http_headers=(("X", "y"),)), HealthCheck(command=("a", "b")))},
        cron=({"schedule": "* * * * *", "command": "x"},),
    )
    digest = uuid4().hex
    made = Slug(
        id=uuid4(),
        digest=digest,
        layers=(Layer("dependencies", "k1", Path("/l/k1")), Layer("app", "k2", Path("/s/k2"))),
        process_types={"worker": "w", "release": "r", "a": "x", "web": "y"},
        manifest=manifest,
        languages=("python",),
        env={"PATH": "/app/.venv/bin"},
        binds=("/opt/python",),
        required_keys={"A": "app.json"},
        commit="abc",
        size=5_000_000_000,
        created_at=datetime.now(UTC),
    )
    return replace(made, **fields)


def test_a_slug_comes_back_as_it_was(database):
    store, made = Slugs(database), slug()
    assert store.save(made) == made
    assert store.get(made.id) == store.by_digest(made.digest) == made
    assert list(store.get(made.id).process_types) == ["worker", "release", "a", "web"]
    assert store.by_digest("unknown") is None
    with pytest.raises(NotFound):
        store.get(uuid4())


def test_builds_of_the_same_code_may_save_it_at_once(database):
    store = Slugs(database)
    with ThreadPoolExecutor(6) as builds:
        for _ in range(60):
            made = slug()
            assert list(builds.map(store.save, [made] * 6)) == [made] * 6


def test_saving_again_keeps_one_slug_with_where_its_layers_are_now(database):
    store, made = Slugs(database), slug()
    store.save(made)
    moved = replace(made, layers=(Layer("app", "k2", Path("/elsewhere/k2")),), created_at=None)
    assert store.save(moved).layers == moved.layers
    assert store.get(made.id).created_at == made.created_at


def test_a_build_from_beginning_to_end(database, app_id):
    builds, made = Builds(database), Slugs(database).save(slug())
    first = builds.create(app_id, user="me", version="v1")
    second = builds.create(app_id, user="me")
    assert (first.status, first.version, first.output, first.failure) == ("pending", "v1", "", None)
    builds.update(first.id, status="succeeded", slug_id=made.id, output="-----> x\n", source_digest="d")
    builds.update(second.id, failure={"id": "build_failed", "exit_code": 20})
    assert [build.id for build in builds.list(app_id)] == [first.id, second.id]
    done = builds.get(app_id, first.id)
    assert (done.status, done.slug_id, done.source_digest) == ("succeeded", made.id, "d")
    assert done.updated_at > done.created_at
    assert builds.get(app_id, second.id).failure == {"id": "build_failed", "exit_code": 20}
    assert builds.output(first.id) == "-----> x\n"
    assert builds.output(uuid4()) == ""
    with pytest.raises(NotFound):
        builds.get(uuid4(), first.id)


def test_what_a_dead_server_left_pending_has_failed(database, app_id):
    builds = Builds(database)
    pending, done = builds.create(app_id, user="me"), builds.create(app_id, user="me")
    builds.update(done.id, status="succeeded")
    assert builds.fail_pending(app_id) >= 1
    assert builds.get(app_id, pending.id).status == "failed"
    assert builds.get(app_id, pending.id).failure["id"] == "platform_failed"
    assert builds.get(app_id, done.id).status == "succeeded"


def test_removing_a_slug_keeps_the_builds_and_what_releases_refer_to(database, app_id):
    store, builds = Slugs(database), Builds(database)
    gone, released = store.save(slug()), store.save(slug())
    build = builds.create(app_id, user="me")
    builds.update(build.id, slug_id=gone.id)
    with database.begin() as db:
        release = {"id": uuid4(), "app_id": app_id, "version": 1, "slug_id": released.id, "status": "succeeded"}
        db.execute(insert(schema.releases).values(**release, description="x", user="me", sealed_config=b""))
    store.remove({gone.digest, released.digest})
    assert store.by_digest(gone.digest) is None
    assert builds.get(app_id, build.id).slug_id is None
    assert store.get(released.id) == released
