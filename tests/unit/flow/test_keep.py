"""What the engine tells, replayed: who gets requests."""

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
        self.tell = lambda process, kind: listener(ProcessEvent(process, kind))

    def processes(self, app_id=None):
        return self.known

    def ready(self):
        return self.router.ready(APP.name)


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
