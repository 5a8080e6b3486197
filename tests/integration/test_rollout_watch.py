"""The watch over rollouts with a real database and the real log stream; what it does to a rollout is written down."""

import json
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from sqlalchemy import insert

from tests.integration.stages.test_units import START, router_line
from tests.support.processes import until
from twelve.core.model import ProcessState, RolloutStatus, Unit, Variant
from twelve.core.policy import assign
from twelve.core.policy.readout.plan import Plan
from twelve.flow.rollout_watch import RolloutWatch
from twelve.infra import schema
from twelve.stages.logs.hub import LogHub
from twelve.stages.metrics.units.store import Cut, Units
from twelve.stages.release.rollouts import Rollouts
from twelve.stages.source.apps import Apps

pytestmark = pytest.mark.integration

QUICK = Plan(metric="click", once=True, window=30, guard_window=30, settle=1, dwell=60, step_units=20)


@dataclass
class Deeds:
    """flow.rollout_watch.Acts, which only changes the ledger."""

    ledger: Rollouts
    done: list[tuple] = field(default_factory=list)

    def abort(self, app, rollout, reason):
        self.done.append(("abort", reason))
        self.ledger.end(rollout, RolloutStatus.ABORTED, reason)

    def ramp(self, app, rollout, variant, percent):
        self.done.append(("ramp", variant.name, percent))
        self.ledger.ramp(rollout, assign.ramp(rollout.variants, {variant.name: round(percent * 100)}), "twelve")

    def promote(self, app, rollout, variant):
        self.done.append(("promote", variant.name))
        self.ledger.end(rollout, RolloutStatus.PROMOTED, "it won")


class Scene:
    """One app with a rollout, its lines, and a clock that goes as the test says."""

    def __init__(self, database, directory, plan):
        self.now, self.directory = START, directory
        self.logs, self.ledger, self.up = LogHub(directory=directory), Rollouts(database), True
        app_id, name = uuid4(), f"app-{uuid4().hex[:8]}"
        with database.begin() as db:
            db.execute(insert(schema.apps).values(id=app_id, name=name, owner="me@example.com"))
        self.app = Apps(database).get(app_id)
        variants = [Variant("a", 1), Variant("b", 2, ((0, 4999),))]
        self.rollout = self.ledger.start(
            app_id, "ranker", Unit("header:x-user-id"), variants, "me", settings=plan.settings()
        )
        with database.begin() as db:  # a ledger has the time of this machine
            db.execute(schema.rollout_phases.update().values(created_at=START))
        one = SimpleNamespace(release_version=2, state=ProcessState.UP)
        self.platform = SimpleNamespace(
            apps=Apps(database), rollouts=self.ledger, units=Units(database), logs=self.logs,
            engine=SimpleNamespace(processes=lambda _app: [one] if self.up else []), rollouts_changed=threading.Event(),
        )  # fmt: skip
        self.deeds = Deeds(self.ledger)
        self.watch = RolloutWatch(self.platform, self.deeds, clock=lambda: self.now)
        self.count = 0

    def requests(self, units, status=200, variant=None):
        lines = []
        for unit in units:
            whose = assign.assigned(self.rollout.variants, self.rollout.salt, unit).name
            if variant in {None, whose}:
                lines.append(router_line(self.rollout, unit, whose, self.rollout.phase, status, 5))
        self.logs.publish(self.app.name, "heroku", "router", self.now, b"".join(lines), "serving")

    def strangers(self, count):
        self.count += count
        return [f"u{number}" for number in range(self.count - count, self.count)]

    def clicks(self, units):
        lines = "".join(f'{{"event":"outcome","name":"click","unit":"{unit}"}}\n' for unit in units)
        self.logs.publish(self.app.name, "app", "web.1", self.now, lines.encode())

    def pass_(self, seconds):
        self.now += timedelta(seconds=seconds)
        running = self.watch.tick()
        until(lambda: not self.watch._acting)
        if running:
            self.rollout = self.ledger.get(self.rollout.id)
        return running

    def events(self):
        lines = [line.text for line in self.logs.history(self.app.name, 1500) if line.process == "rollout"]
        return [event["action"] for event in map(json.loads, lines) if event["event"] == "experiment"]


@pytest.fixture
def scene(database, tmp_path):
    made = []

    def make(plan=QUICK):
        made.append(Scene(database, tmp_path, plan))
        made[-1].watch.tick()
        return made[-1]

    yield make
    for one in made:
        one.ledger.end(one.rollout, RolloutStatus.ABORTED, "the test is over")


def test_a_tripwire_stops_within_seconds(scene):
    it = scene()
    units = it.strangers(60)
    it.requests(units, 200, "a")
    it.requests(units, 500, "b")
    it.pass_(1)
    assert it.deeds.done[0][0] == "abort"
    assert "tripwire: b (v2):" in it.deeds.done[0][1]
    assert it.pass_(1) == 0
    assert it.events() == ["tripwire"]


def test_without_auto_stop_it_is_only_told(scene):
    it = scene(Plan(auto_stop=False))
    it.requests(it.strangers(100), 500)
    assert it.pass_(1) == 1
    it.pass_(1)
    assert not it.deeds.done
    assert it.events() == ["tripwire"]


@pytest.mark.parametrize("worse", [True, False])
def test_a_worse_treatment_is_aborted_and_an_equal_one_is_not(scene, worse):
    it = scene()
    units = it.strangers(3000)
    it.requests(units)
    chosen = units[::5]
    if worse:
        chosen = [
            unit for number, unit in enumerate(chosen) if assign.bucket("ranker.1", unit) > 4999 or number % 3 == 0
        ]
    it.clicks(chosen)
    it.pass_(2)
    assert not it.deeds.done
    it.pass_(60)
    assert it.events() == ["rollback" if worse else "running"]
    assert [deed for deed, *_ in it.deeds.done] == (["abort"] if worse else [])
    assert not worse or "click of b is worse" in it.deeds.done[0][1]


def test_a_guardrail_aborts(scene):
    it = scene(Plan(guard_window=30, settle=1))
    units = it.strangers(800)
    it.requests(units)
    it.requests(units[::5], 500, "b")
    it.pass_(2)
    it.pass_(60)
    assert it.deeds.done[0][0] == "abort"
    assert "errors of b is beyond its guardrail" in it.deeds.done[0][1]


def test_a_canary_takes_its_steps(scene):
    it = scene(Plan(canary=True, auto_promote=True, dwell=60, step_units=20))
    it.requests(it.strangers(100))
    it.pass_(30)
    assert not it.deeds.done  # too soon
    it.pass_(40)
    assert it.deeds.done == [("ramp", "b", 100.0)]
    assert it.rollout.phase == 2
    with it.platform.units._database.begin() as db:
        db.execute(schema.rollout_phases.update().values(created_at=it.now))
    it.up = False
    it.pass_(70)
    assert len(it.deeds.done) == 1  # nothing of it is up
    it.up = True
    it.pass_(70)
    assert it.deeds.done[1:] == [("promote", "b")]


def test_what_is_not_kept_yet_is_kept_at_the_end(scene):
    it = scene()
    it.requests(it.strangers(10))
    it.watch.finish()
    traffic = it.platform.units.traffic(it.rollout.id, 1)
    assert sum(one.requests for one in traffic.values()) == 10


def test_a_batch_that_could_not_be_kept_is_kept_later(scene, monkeypatch):
    from twelve.core.errors import PlatformError

    it = scene()
    it.requests(it.strangers(10))
    keep = it.platform.units.keep
    tries = []

    def refuse(*args):
        tries.append(args)
        raise PlatformError("The platform's database does not answer.")

    monkeypatch.setattr(it.platform.units, "keep", refuse)
    it.pass_(1)
    it.requests(it.strangers(10))
    it.pass_(1)
    assert len(tries) == 2
    monkeypatch.setattr(it.platform.units, "keep", keep)
    it.pass_(1)
    assert sum(one.requests for one in it.platform.units.traffic(it.rollout.id, 1).values()) == 20


def test_the_next_server_goes_on_where_this_one_was(scene):
    """Killed after some lines were kept and some were not; then lines that came while nobody looked."""
    it = scene()
    it.requests(it.strangers(10))
    it.pass_(1)
    it.requests(it.strangers(10))
    it.logs = it.platform.logs = LogHub(directory=it.directory)
    it.requests(it.strangers(10))
    it.watch = RolloutWatch(it.platform, it.deeds, clock=lambda: it.now)
    it.pass_(1)
    assert sum(one.requests for one in it.platform.units.traffic(it.rollout.id, 1).values()) == 30
    assert sum(it.platform.units.counts(Cut(it.rollout.id, 1, it.now, returning=True)).values()) == 30


def test_the_first_lines_of_a_rollout_count_too(scene):
    """Units are dealt out some milliseconds before anybody looks."""
    it = scene()
    it.watch = RolloutWatch(it.platform, it.deeds, clock=lambda: it.now)
    it.logs.forget(it.app.name)
    it.requests(it.strangers(10))
    it.pass_(1)
    assert sum(one.requests for one in it.platform.units.traffic(it.rollout.id, 1).values()) == 10


def test_it_sleeps_while_nothing_runs_and_wakes_up(scene):
    it = scene()
    it.ledger.end(it.rollout, RolloutStatus.ABORTED, "enough")
    assert it.pass_(1) == 0
    assert not it.watch._watched
    assert not it.logs._stream(it.app.name).followers
    it.watch.start()
    it.watch.close()
