"""Resources and attachments in the platform's database."""

from uuid import uuid4

import pytest
from sqlalchemy import select

from twelve.core.errors import Conflict, CorruptState, NotFound, UsageError
from twelve.core.model import ConfigVars
from twelve.infra import schema
from twelve.infra.sealing import AesGcmSealer
from twelve.stages.services.store import Attachments, Resources
from twelve.stages.source.apps import Apps

pytestmark = pytest.mark.integration


@pytest.fixture
def app(services):
    apps = Apps(services.database)
    made = apps.create(None, "ann")
    yield made
    apps.delete(made.id)


@pytest.fixture
def resources(services):
    return Resources(services.database, AesGcmSealer(b"key"))


def make(resources, app, name="redis-calm-1"):
    details = ConfigVars({"password": "hunter2"})
    return resources.create(app.id, name=name, provider="redis", plan="redis", details=details)


def test_a_resource_is_found_by_id_and_by_name(resources, app):
    made = make(resources, app)
    assert resources.get(made.id) == resources.get(str(made.id)) == resources.get(made.name) == made
    assert resources.get(made.id).details == {"password": "hunter2"}
    assert resources.list(app.id) == [made]
    assert made in resources.list()
    resources.delete(made.id)
    with pytest.raises(NotFound, match='There is no service "redis-calm-1"'):
        resources.get(made.name)


def test_its_details_are_sealed_for_it_alone(services, resources, app):
    made = make(resources, app)
    with services.database.begin() as db:
        sealed = db.execute(
            select(schema.resources.c.sealed_details).where(schema.resources.c.id == made.id)
        ).scalar_one()
    assert b"hunter2" not in sealed
    with pytest.raises(CorruptState):
        AesGcmSealer(b"key").open(sealed, context=f"resource:{uuid4()}")
    with pytest.raises(CorruptState):
        Resources(services.database, AesGcmSealer(b"other key")).get(made.id)


def test_names_are_made_or_chosen_and_unique(resources, app):
    assert resources.free_name("postgres", None).startswith("postgresql-")
    assert resources.free_name("redis", None) != resources.free_name("redis", None)
    assert resources.free_name("redis", "cache") == "cache"
    make(resources, app, "cache")
    with pytest.raises(Conflict, match='already a service "cache"'):
        resources.free_name("redis", "cache")
    with pytest.raises(Conflict):
        make(resources, app, "cache")


@pytest.mark.parametrize("name", ["", "ab", "Cache", "1cache", "cache_1", "cache-", "../etc", "a" * 61, "cache\n"])
def test_an_unfit_name_is_refused(resources, name):
    with pytest.raises(UsageError, match="is not a name for a service"):
        resources.free_name("redis", name)


def test_an_attachment_belongs_to_an_app_and_a_resource(services, resources, app):
    attachments, resource = Attachments(services.database), make(resources, app)
    made = attachments.create(app.id, resource.id, "REDIS")
    other = attachments.create(app.id, resource.id, "CACHE")
    assert attachments.get(made.id) == made
    assert attachments.list(app.id) == attachments.of_resource(resource.id) == [made, other]
    with pytest.raises(Conflict, match="already has an attachment REDIS"):
        attachments.create(app.id, resource.id, "REDIS")
    attachments.delete(other.id)
    assert attachments.list(app.id) == [made]
    resources.delete(resource.id)
    assert attachments.list(app.id) == []
    with pytest.raises(NotFound):
        attachments.get(made.id)
