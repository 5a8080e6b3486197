"""Events of an engine, replayed with their times: who is judged, and how often."""

import queue
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from twelve.core.model import Process, ProcessState, Release, ReleaseStatus
from twelve.core.policy.probation import RollBack
from twelve.core.ports import ProcessEvent
from twelve.flow.probation import Probation

APP = UUID(int=1)
NOW = datetime.now(UTC)


class World:
    def __init__(self):
        self.now = 1000.0
        self.verdicts = queue.SimpleQueue()
        self.probation = Probation(lambda: self.now)
        self.probation.act_by(lambda release, verdict: self.verdicts.put((release.version, verdict)))

    def exits(self, release, after, *, kind="exited", number=1, app=APP):
        self.now += after
        process = Process(
            id=uuid4(), app_id=app, app="app", type="web", number=number, release_id=release.id,
            release_version=release.version, command="", state=ProcessState.CRASHED, size="eco", created_at=NOW,
            updated_at=NOW,
        )  # fmt: skip
        self.probation.observe(ProcessEvent(process, kind, 1))

    def judged(self):
        """What was decided; verdicts are carried out by threads."""
        try:
            return self.verdicts.get(timeout=0.2)
        except queue.Empty:
            return None


def release(version):
    return Release(uuid4(), APP, version, uuid4(), ReleaseStatus.SUCCEEDED, "", "", NOW, NOW)


@pytest.fixture
def world():
    return World()


def test_two_exits_are_judged_once(world):
    new = release(2)
    world.probation.begin(new, exempt=False)
    for _ in range(5):
        world.exits(new, 2)
    assert world.judged() == (2, RollBack("web", 2))
    assert world.judged() is None


def test_a_release_that_was_taken_back_excuses_no_other(world):
    for bad in (release(2), release(4)):
        world.probation.begin(bad, exempt=False)
        for _ in range(3):  # one more comes while it is taken back
            world.exits(bad, 2)
        assert world.judged() == (bad.version, RollBack("web", 2))
        world.probation.begin(release(bad.version + 1), exempt=True)


def test_exits_before_the_switch_count_when_they_are_its_own(world):
    new = release(2)
    world.exits(new, 0)
    world.exits(new, 1)
    world.probation.begin(new, exempt=False)
    assert world.judged() == (2, RollBack("web", 2))


def test_only_the_newest_release_is_on_trial(world):
    old, new = release(2), release(3)
    world.probation.begin(old, exempt=False)
    world.probation.begin(new, exempt=False)
    world.exits(old, 1)
    world.exits(old, 1)
    assert world.judged() is None


@pytest.mark.parametrize(
    "how", [{"kind": "gone"}, {"number": 4821}, {"app": UUID(int=9)}], ids=["stopped", "a one-off", "another app"]
)
def test_what_does_not_count(world, how):
    new = release(2)
    world.probation.begin(new, exempt=False)
    world.exits(new, 1, **how)
    world.exits(new, 1, **how)
    assert world.judged() is None


def test_a_trial_goes_on_where_another_server_left_it(world):
    new = release(2)
    world.probation.begin(new, exempt=False, ago=50)
    world.exits(new, 5)
    world.exits(new, 6)
    assert world.judged() is None


def test_an_exempt_release_stays(world):
    new = release(2)
    world.probation.begin(new, exempt=True)
    world.exits(new, 1)
    world.exits(new, 1)
    assert world.judged() is None
