"""One platform and one app for the whole suite: what survived one fault meets the next."""

import pytest

from tests.chaos.world import Lines, World
from tests.support.live import running


@pytest.fixture(scope="package")
def world(tmp_path_factory):
    with running(tmp_path_factory.mktemp("chaos") / "home", TWELVE_LOG_HISTORY="50000") as live:
        yield World(live, tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="package")
def lines(world):
    with Lines(world.live) as followed:
        yield followed
