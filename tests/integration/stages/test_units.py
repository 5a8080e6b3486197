"""From lines to figures: what the units of a rollout meet, kept in a real Postgres and read again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert, text

from twelve.core.errors import NotFound
from twelve.core.model import Unit, Variant
from twelve.core.policy import assign
from twelve.core.policy.readout.decision import Status
from twelve.core.policy.readout.plan import Plan
from twelve.flow.rollout_reading import read
from twelve.infra import schema
from twelve.stages.metrics.units.batch import Reader
from twelve.stages.metrics.units.intake import Piece
from twelve.stages.metrics.units.store import Cut, Units
from twelve.stages.release.rollouts import Rollouts

pytestmark = pytest.mark.integration

START = datetime(2026, 1, 31, 10, tzinfo=UTC)
LATER = START + timedelta(minutes=10)
PLAN = Plan(metric="click", window=60, guard_window=60)


@pytest.fixture
def units(database):
    return Units(database)


@pytest.fixture
def ledger(database):
    return Rollouts(database)


@pytest.fixture
def rollout(database, ledger):
    app_id = uuid4()
    with database.begin() as db:
        db.execute(insert(schema.apps).values(id=app_id, name=f"app-{app_id.hex[:8]}", owner="me@example.com"))
    variants = [Variant("a", 1), Variant("b", 2, ((0, 4999),))]
    return ledger.start(app_id, "ranker", Unit("header:x-user-id"), variants, "me", settings=PLAN.settings())


class Load:
    """Writes the lines that a front door and an app would, and has them kept."""

    def __init__(self, units, rollout):
        self.units, self.rollout = units, rollout
        self.plan = Plan.of(rollout.settings)
        self.reader = Reader(rollout, self.plan)

    def variant(self, unit):
        return assign.assigned(self.rollout.variants, self.rollout.salt, unit).name

    def request(self, unit, at=START, status=200, phase=None, milliseconds=7):
        line = router_line(self.rollout, unit, self.variant(unit), phase or self.rollout.phase, status, milliseconds)
        self.reader.add(Piece(at + timedelta(milliseconds=milliseconds), line, routed=True))

    def says(self, text_, at=START):
        self.reader.add(Piece(at, text_.encode() + b"\n", routed=False))

    def click(self, unit, at=START, more=""):
        self.says(f'{{"event":"outcome","name":"click","unit":"{unit}"{more}}}', at)

    def kept(self, now=LATER):
        self.units.keep(self.rollout.id, self.reader.cut(now), self.plan)
        self.units.settle(self.rollout.id, self.plan, now)
        return read(self.units, self.rollout, now)


def router_line(rollout, unit, variant, phase, status, milliseconds):
    told = f"-|{rollout.salt}|{variant}|{phase}|{assign.unit_hash(rollout.salt, unit)}|demo.localhost"
    dyno = "web.1" if variant == "a" else "web.10001"
    head = f">p0000 {dyno} -- - 0 {milliseconds} {status} 120 127.0.0.1 1-2-3"
    return f"{head} {told} GET /?u=1 HTTP/1.1 demo.localhost -\n".encode()


def test_counts_are_those_of_the_load(units, rollout):
    load = Load(units, rollout)
    names = [f"u{n}" for n in range(300)]
    for unit in [*names, *names[:100]]:
        load.request(unit)
    for unit in names[:30]:
        load.click(unit)
    found = load.kept()
    expected = {"a": 0, "b": 0}
    for unit in names:
        expected[load.variant(unit)] += 1
    assert found.units == expected
    assert found.reading.counts == expected
    assert sum(one.requests for one in found.traffic.values()) == 400
    assert {name: arm.n for name, arm in found.reading.primary.arms.items()} == expected
    assert sum(arm.nonzero for arm in found.reading.primary.arms.values()) == 30
    assert found.reading.primary.silent == 270
    assert all(0.1 - 0.08 < arm.mean < 0.1 + 0.08 for arm in found.reading.primary.arms.values())
    latency = next(guard for guard in found.reading.guards if guard.metric.name == "latency")
    assert {arm.mean for arm in latency.arms.values()} == {7.0}


def test_a_batch_that_is_kept_in_parts_adds_up(units, rollout):
    load = Load(units, rollout)
    for number in range(6):
        load.request("u1", START + timedelta(seconds=number), 500 if number % 3 == 0 else 200)
        load.kept()
    load.reader = Reader(rollout, load.plan)  # another server goes on
    load.request("u1", START + timedelta(seconds=7))
    load.request("u1", START + timedelta(seconds=90), 500)  # its window has closed
    errors = next(guard for guard in load.kept().reading.guards if guard.metric.name == "errors")
    arm = errors.arms[load.variant("u1")]
    assert (arm.n, arm.mean) == (1, pytest.approx(2 / 7))
    assert load.kept().traffic[load.variant("u1")].failures == 3


def test_outcomes_count_once_and_only_in_their_window(units, rollout):
    load = Load(units, rollout)
    load.request("u1")
    load.click("u1", START - timedelta(minutes=1))  # before it was exposed
    load.click("u1", more=',"outcome_id":"x","value":2')
    load.click("u1", more=',"outcome_id":"x","value":2')  # the same again
    load.kept(START + timedelta(seconds=20))
    load.reader = Reader(rollout, load.plan)
    load.click("u1", START + timedelta(seconds=30), ',"outcome_id":"x","value":2')  # and after a restart
    load.click("u1", START + timedelta(seconds=59), ',"value":5')
    load.click("u1", START + timedelta(seconds=61))  # too late
    load.click("u1", START + timedelta(seconds=70), ',"ts":"2026-01-31T10:00:10Z"')  # told too late
    load.says('{"event":"outcome","name":"other","unit":"u1"}')
    assert load.kept().reading.primary.arms[load.variant("u1")].mean == 7
    assert load.reader.other == {"other"}


def test_an_outcome_waits_for_the_line_of_its_request(units, rollout):
    """The app prints it in the middle of a long request; the front door tells of the request at its end."""
    load = Load(units, rollout)
    load.click("u1", START + timedelta(seconds=1))
    assert load.kept(START + timedelta(seconds=30)).units == {}
    assert units.waiting(rollout.id)
    load.request("u1", START, milliseconds=31_000)
    assert load.kept().reading.primary.arms[load.variant("u1")].mean == 1
    assert not units.waiting(rollout.id)


def test_the_split_is_judged_by_requests_that_have_surely_ended(units, rollout):
    """A treatment that takes long is not short of units: their lines are only not there yet."""
    load = Load(units, rollout)
    for number in range(400):
        if load.variant(f"u{number}") == "a":
            load.request(f"u{number}")
    soon = load.kept(START + timedelta(seconds=30))
    assert sum(soon.units.values()) > 150
    assert not soon.reading.ratio.refused
    assert load.kept().reading.ratio.refused


def test_an_outcome_of_nobody_is_given_up(units, rollout):
    load = Load(units, rollout)
    load.click("stranger")
    load.kept(START + timedelta(minutes=9))
    assert units.waiting(rollout.id)
    load.kept(START + timedelta(minutes=11))
    assert not units.waiting(rollout.id)


def test_a_unit_by_its_hash_and_by_a_prediction(units, rollout):
    load = Load(units, rollout)
    hashes = {unit: assign.unit_hash(rollout.salt, unit) for unit in ("u1", "u2")}
    for unit in hashes:
        load.request(unit)
    load.says(f'{{"event":"outcome","name":"click","unit_hash":"{hashes["u1"]}"}}')
    told = f'"experiment":"{rollout.salt}","phase":"1","unit_hash":"{hashes["u2"]}","fallback":1,"prediction_id":"p7"'
    load.says(f'{{"event":"prediction",{told}}}')
    load.says('{"event":"outcome","name":"click","prediction_id":"p7"}')
    found = load.kept()
    assert sum(arm.n * arm.mean for arm in found.reading.primary.arms.values()) == 2
    fallback = next(guard for guard in found.reading.guards if guard.metric.name == "fallback")
    assert fallback.arms[load.variant("u2")].mean == 1
    assert sum(arm.n for arm in fallback.arms.values()) == 1  # u1 had no prediction, so it has no share of them


def test_the_unit_itself_is_nowhere(database, units, rollout):
    load = Load(units, rollout)
    load.request("ada@example.com")
    load.click("ada@example.com")
    load.kept()
    with database.begin() as db:
        for table in ("unit_exposure", "unit_outcome", "outcome_seen"):
            rows = db.execute(text(f"select t::text from {table} t where rollout_id = :id"), {"id": rollout.id})
            kept = list(rows.scalars())
            assert kept
            assert not any("ada" in row for row in kept)


def test_returning_units_are_for_guardrails_only(units, ledger, rollout):
    load = Load(units, rollout)
    for number in range(50):
        load.request(f"u{number}")
    load.kept(START)
    load.rollout = ledger.ramp(rollout, assign.ramp(rollout.variants, {"b": 8000}), "me")
    for number in range(40, 60):
        load.request(f"u{number}", START + timedelta(seconds=60))
    load.request("u59", START + timedelta(seconds=60), phase=1, milliseconds=50_000)  # of phase 1, and late
    found = load.kept()
    assert sum(found.units.values()) == 20
    assert sum(found.reading.counts.values()) == 9  # u50 to u58
    assert sum(arm.n for arm in found.reading.primary.arms.values()) == 9
    assert sum(arm.n for arm in found.reading.guards[0].arms.values()) == 20
    assert sum(units.counts(Cut(rollout.id, 1, LATER, returning=True)).values()) == 51


def test_a_unit_enters_when_its_window_has_closed(units, rollout):
    load = Load(units, rollout)
    load.request("u1")
    assert not load.kept(START + timedelta(seconds=60)).reading.primary.arms
    assert load.kept(START + timedelta(seconds=68)).reading.primary.arms


def test_what_is_frozen_stays(units, rollout):
    """1,200 units with a few enormous values: the cap is that of the end of burn-in, whatever comes then."""
    load = Load(units, rollout)
    for number in range(1200):
        load.request(f"u{number}")
        load.click(f"u{number}", more=f',"value":{1000 if number % 100 == 0 else 1}')
    found = load.kept()
    frozen = found.reading.primary.frozen
    assert frozen.cap == pytest.approx(1, abs=11)
    assert found.verdict.status == Status.RUNNING
    for number in range(1200, 1300):
        load.request(f"u{number}")
        load.click(f"u{number}", more=',"value":1000000')
    again = load.kept()
    assert again.reading.primary.frozen == frozen
    assert max(arm.mean for arm in again.reading.primary.arms.values()) <= frozen.cap


def test_a_worse_treatment_is_read_as_one(units, rollout):
    load = Load(units, replace(rollout, settings=replace(PLAN, once=True).settings()))
    for number in range(4000):
        unit = f"u{number}"
        load.request(unit)
        if number % (5 if load.variant(unit) == "a" else 10) == 0:
            load.click(unit)
    verdict = load.kept().verdict
    assert verdict.status == Status.ROLLBACK
    assert verdict.variant == "b"
    assert verdict.effects[0].interval.high < 0


def test_it_goes_with_its_app(database, units, rollout):
    load = Load(units, rollout)
    load.request("u1")
    load.kept()
    with database.begin() as db:
        db.execute(text("delete from apps where id = :id"), {"id": rollout.app_id})
    assert units.counts(Cut(rollout.id, 1, LATER, returning=True)) == {}
    load.request("u2")
    with pytest.raises(NotFound):
        load.kept()
