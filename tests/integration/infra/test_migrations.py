"""Today's tables on an empty database are those the migrations lead to, and a start needs no Alembic for them."""

import subprocess
import sys

import pytest
from sqlalchemy import create_engine, text

from twelve.core.errors import CorruptState
from twelve.infra.database import Database, newest_version, upgrade
from twelve.infra.settings import Settings
from twelve.stages.services.postgres_server import PostgresServer

pytestmark = pytest.mark.integration

SHAPE = """
select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns
where table_schema = current_schema() union all
select tablename, indexname, replace(indexdef, current_schema() || '.', ''), '', '' from pg_indexes
where schemaname = current_schema() and tablename <> 'alembic_version' order by 1, 2
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    settings.make_directories()
    made = PostgresServer(settings, lambda _component, _chunk: None)
    made.ensure()
    yield made
    made.stop()


def in_schema(server, name):
    """A URL whose tables lie apart from those of other tests."""
    engine = create_engine(server.platform_url().replace("postgres://", "postgresql+psycopg://"))
    with engine.begin() as db:
        db.execute(text(f"create schema {name}"))
    engine.dispose()
    return f"{server.platform_url()}{'&' if '?' in server.platform_url() else '?'}options=-csearch_path%3D{name}"


def shape(database):
    with database.begin() as db:
        return [tuple(row) for row in db.execute(text(SHAPE))]


def test_an_empty_database_gets_what_the_migrations_lead_to(server):
    at_once, step_by_step = Database(in_schema(server, "at_once")), Database(in_schema(server, "step_by_step"))
    at_once.migrate()
    with step_by_step.begin() as db:
        upgrade(db)
    found = shape(at_once)
    assert ("processes", "server", "text", "NO", "''::text") in found
    assert found == shape(step_by_step)
    with at_once.begin() as one, step_by_step.begin() as other:
        versions = [db.execute(text("select version_num from alembic_version")).scalar_one() for db in (one, other)]
    assert versions == [newest_version()] * 2
    for database in (at_once, step_by_step):
        database.migrate()
        database.close()


def test_a_database_of_a_newer_twelve_is_refused(server):
    database = Database(in_schema(server, "newer"))
    database.migrate()
    with database.begin() as db:
        db.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(CorruptState):
        database.migrate()
    database.close()


def test_a_start_imports_no_alembic(server):
    url = in_schema(server, "bare")
    line = "import sys; from twelve.infra.database import Database; Database(sys.argv[1]).migrate(); print('alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", line, url], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
