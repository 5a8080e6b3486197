"""What the engine tells, replayed: who gets requests."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from tests.support.processes import until
from twelve.core.model import App, FormationEntry, Process, ProcessState
from twelve.core.ports import ProcessEvent
from twelve.flow.keep import Keeper
from twelve.stages.router.memory import MemoryRouter

NOW = datetime.now(UTC)
APP = App(UUID(int=1), "shop", "me@localhost", NOW, NOW, current_release=UUID(int=2))


def web(number):
    return Process(
        id=uuid4(), app_id=APP.id, app=APP.name, type="web", number=number, release_id=UUID(int=2), release_version=1,
        command="", state=ProcessState.UP, size="eco", created_at=NOW, updated_at=NOW, port=20000 + number,
    )  # fmt: skip


class Replay:
    """An engine whose processes are all up and whose events come from the test."""

    def __init__(self):
        self.known = [web(1), web(2)]
        self.router = MemoryRouter()
        self.keeper = Keeper(self, self.router, lambda _: APP, lambda _: [FormationEntry(APP.id, "web", 2)])
        self.keeper.start()

    def subscribe(self, listener):
        self.tell = lambda process, kind, **more: listener(ProcessEvent(process, kind, **more))

    def processes(self, app_id=None):
        return self.known

    def ready(self):
        return self.router.ready(APP.name)

    def crash(self, delay):
        """All of them, to begin again after `delay` seconds."""
        self.known = [replace(process, state=ProcessState.CRASHED) for process in self.known]
        for process in self.known:
            self.tell(process, "exited", status=1, delay=delay)
        self.keeper.close()  # once it has read all that


@pytest.fixture
def replay():
    made = Replay()
    yield made
    made.keeper.close()


def test_a_process_gets_requests_while_it_is_ready(replay):
    one, two = replay.known
    replay.keeper.switch(APP, replay.known, [])
    replay.tell(one, "unready")
    until(lambda: replay.ready() == {two.id})
    replay.tell(one, "ready")
    until(lambda: replay.ready() == {one.id, two.id})


def test_requests_wait_while_none_is_ready(replay):
    replay.router.set_hosts(APP.name, ["shop.localhost"])
    replay.keeper.switch(APP, replay.known, [])
    for process in replay.known:
        replay.tell(process, "unready")
    until(lambda: not replay.ready())
    assert replay.router.answer("shop.localhost") == "hold"


def test_a_switch_does_not_bring_in_what_is_not_ready_yet(replay):
    one, two = replay.known
    replay.tell(one, "unready")
    until(lambda: one.id in replay.keeper._unready)
    replay.keeper.switch(APP, replay.known, [])
    assert replay.ready() == {two.id}
    replay.tell(one, "ready")
    until(lambda: replay.ready() == {one.id, two.id})


def test_an_exit_ends_the_wait_for_readiness(replay):
    one, two = replay.known
    replay.keeper.switch(APP, replay.known, [])
    for kind in ("unready", "exited"):
        replay.tell(one, kind)
    until(lambda: replay.router.known()[APP.name] == {two.id})
    replay.tell(one, "up")
    until(lambda: replay.ready() == {one.id, two.id})


@pytest.mark.parametrize(
    ("delay", "help_comes", "answer"),
    [(0.0, False, "hold"), (4.0, False, "crashed"), (4.0, True, "hold")],
    ids=["starts again at once", "waits", "waits, but an earlier release takes over"],
)
def test_requests_hear_of_a_crash_only_when_nothing_comes_soon(replay, delay, help_comes, answer):
    replay.router.set_hosts(APP.name, ["shop.localhost"])
    replay.keeper.switch(APP, replay.known, [])
    if help_comes:
        replay.keeper.expect_help(APP.id)
    replay.crash(delay)
    assert replay.router.answer("shop.localhost") == answer
