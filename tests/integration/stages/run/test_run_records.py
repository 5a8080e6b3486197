"""Formations and process records in a real Postgres, and the real engine writing them."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import delete, insert, text

from tests.support.processes import MemoryPump, MemorySink, make_slug, make_spec, until
from twelve.core.errors import Conflict
from twelve.core.model import Autoscale, FormationEntry, HealthCheck, ProcessState, RolloutStatus, Unit, Variant
from twelve.core.policy.assign import bucket
from twelve.infra import schema
from twelve.infra.settings import Settings
from twelve.stages.release.rollouts import Rollouts
from twelve.stages.run.formation import Formations
from twelve.stages.run.local.engine import LocalEngine
from twelve.stages.run.processes import ProcessRecord, ProcessRecords

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    made = Settings(home=tmp_path_factory.mktemp("home"))
    made.make_directories()
    return made


@pytest.fixture
def app_id(database):
    made = uuid4()
    with database.begin() as db:
        db.execute(insert(schema.apps).values(id=made, name=f"app-{made.hex[:8]}", owner="me@example.com"))
    return made


def test_a_formation_is_added_to_changed_and_replaced(database, app_id):
    formations = Formations(database)
    formations.save([FormationEntry(app_id, "worker", 1), FormationEntry(app_id, "web", 2, "basic")])
    formations.save([FormationEntry(app_id, "worker", 5)])
    assert formations.list(app_id) == [FormationEntry(app_id, "web", 2, "basic"), FormationEntry(app_id, "worker", 5)]
    formations.replace(app_id, [FormationEntry(app_id, "clock", 1)])
    assert formations.list(app_id) == [FormationEntry(app_id, "clock", 1)]
    formations.delete(app_id)
    assert formations.list(app_id) == []


@pytest.mark.parametrize("range_", [Autoscale(1, 4, p95=300), Autoscale(2, 2, queue=9)])
def test_a_range_is_kept_with_the_formation_until_it_is_taken_away(database, app_id, range_):
    formations = Formations(database)
    web, worker = FormationEntry(app_id, "web", 2, autoscale=range_), FormationEntry(app_id, "worker", 1)
    formations.save([web, worker])
    assert formations.list(app_id) == [web, worker]
    assert formations.autoscaled() == [web]
    formations.save([replace(web, autoscale=None)])
    assert formations.autoscaled() == []


def test_a_rollout_its_phases_and_its_end(database, app_id):
    rollouts = Rollouts(database)
    control, opening = Variant("a", 12), Variant("b", 13, ((0, 999),), processes=2)
    made = rollouts.start(app_id, "shop", Unit("cookie:uid", anonymous=True), [control, opening], "me", shadow=14)
    assert rollouts.running(app_id) == made
    assert (made.salt, made.phase, made.variants, made.shadow) == ("shop.1", 1, (control, opening), 14)
    ramped = rollouts.ramp(made, [control, replace(opening, ranges=((0, 999), (1000, 2999)))], "you")
    assert (ramped.phase, ramped.shares) == (2, {"a": 7000, "b": 3000})
    assert [(one.number, one.user) for one in rollouts.phases(made.id)] == [(1, "me"), (2, "you")]
    with pytest.raises(Conflict, match="runs already"):
        rollouts.start(app_id, "other", Unit("cookie:uid"), [control], "me")
    ended = rollouts.end(ramped, RolloutStatus.ABORTED, "it was slow")
    assert (ended.status, ended.reason, rollouts.running(app_id)) == (RolloutStatus.ABORTED, "it was slow", None)
    again = rollouts.start(app_id, "shop", Unit("cookie:uid"), [control, opening], "me", settings={"auto_stop": False})
    assert again.salt == "shop.2"
    assert again.slot > made.slot
    assert rollouts.list(app_id) == [ended, again]
    assert rollouts.all_running() == [again]


SQL_BUCKET = "select u, ({}) from unnest(cast(:units as text[])) as u".format(
    "('x' || substr(encode(sha256(convert_to(:salt || ':' || u, 'UTF8')), 'hex'), 1, 14))\\:\\:bit(56)\\:\\:bigint % 10000"
)


def test_sql_deals_units_like_everybody_else(database):
    units = [*(f"user-{number}" for number in range(20_000)), "ü-ñ", "", "a b", "'"]
    with database.begin() as db:
        found = db.execute(text(SQL_BUCKET), {"salt": "shop.1", "units": units}).all()
    assert [(unit, bucket("shop.1", unit)) for unit in units] == [tuple(row) for row in found]


def test_a_database_from_before_autoscale_gets_its_column_and_keeps_its_formations(database, app_id):
    formations, web = Formations(database), FormationEntry(app_id, "web", 3)
    formations.save([web])
    with database.begin() as db:
        db.execute(text("alter table formation drop column autoscale"))
        db.execute(text("update alembic_version set version_num = '0003'"))
    database.migrate()
    assert formations.list(app_id) == [web]


def test_a_record_comes_back_as_it_was_written(database, app_id):
    records = ProcessRecords(database)
    made = ProcessRecord(
        uuid4(), app_id, f"app-{app_id.hex[:8]}", uuid4(), 3, "web", 1, "run $PORT", "eco", ProcessState.STARTING,
        kept=True, created_at=datetime.now(UTC),
    )  # fmt: skip
    records.insert([made])
    assert records.list(app_id) == [made]
    changed = replace(made, state=ProcessState.UP, pid=7, pid_started=2**40, port=20001, exits=2, up_since=1.5)
    records.update([changed, replace(made, id=uuid4())])
    assert records.list(app_id) == [changed]
    records.delete([made.id])
    assert records.list(app_id) == []


def test_a_server_adopts_what_it_started_and_what_nobody_claims(database, app_id):
    ours, theirs, older = (ProcessRecords(database, server) for server in ("ours", "theirs", ""))
    made = [
        ProcessRecord(
            uuid4(), app_id, f"app-{app_id.hex[:8]}", uuid4(), 3, "web", number, "run", "eco", ProcessState.UP,
            kept=True, created_at=datetime.now(UTC),
        ) for number in range(3)
    ]  # fmt: skip
    for records, record in zip((ours, theirs, older), made, strict=True):
        records.insert([record])
    assert [record.id for record in ours.own() if record.app_id == app_id] == [made[0].id, made[2].id]
    assert ours.list(app_id) == made
    ours.delete([record.id for record in made])


def test_the_engine_keeps_its_records_true(database, settings, app_id, tmp_path):
    records, sink, pump = ProcessRecords(database), MemorySink(), MemoryPump()
    engine = LocalEngine(settings, records, sink, pump)
    try:
        slug = make_slug(tmp_path / "slug", {"a": "b"})
        spec = replace(make_spec(slug, "sleep 60", kept=True, checks=(HealthCheck(uptime=0.1),)), app_id=app_id)
        (process,) = engine.start([spec])
        engine.wait_up([spec.id])
        (record,) = records.list(app_id)
        assert (record.state, record.pid, record.port) == ("up", process.pid, process.port)
        assert record.pid_started
        engine.stop([spec.id])
        assert records.list(app_id) == []
    finally:
        engine.close(stop=True)
        pump.close()


def test_a_process_of_an_app_that_is_gone_still_stops(database, settings, app_id, tmp_path):
    records, sink, pump = ProcessRecords(database), MemorySink(), MemoryPump()
    engine = LocalEngine(settings, records, sink, pump)
    try:
        slug = make_slug(tmp_path / "slug", {"a": "b"})
        spec = replace(make_spec(slug, "sleep 60", kept=True, checks=(HealthCheck(uptime=0.1),)), app_id=app_id)
        engine.start([spec])
        with database.begin() as db:
            db.execute(delete(schema.apps).where(schema.apps.c.id == app_id))
        engine.stop([spec.id])
        until(lambda: not engine.processes())
    finally:
        engine.close(stop=True)
        pump.close()
