"""One app that misbehaves, and the neighbour who must not notice: latency before and with it, side by side."""

import time

import pytest

from tests.support.load import Load
from tests.support.plagues import PLAGUES, plague
from twelve.infra import usage

pytestmark = pytest.mark.integration

SECONDS = 2.0
MARGIN = 0.25  # seconds a shared machine may add to what is twice the latency of before
STORM = 8  # processes that crash at once, and again
BUSY = 0.5  # of a core: what the server may take meanwhile


def p99(world, seconds=SECONDS):
    with Load(world.live.router_port, world.host, path="/?seconds=0") as load:
        time.sleep(seconds)
    assert load.failures == []
    return load.outcome.percentile(0.99)


@pytest.fixture(scope="module")
def before(world):
    return p99(world)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "a log flood" else pytest.mark.storm) for name in PLAGUES]
)
def test_a_neighbour_is_hardly_slower_beside(world, before, tmp_path, name):
    with plague(world.live, tmp_path / "plague", PLAGUES[name]):
        beside = p99(world)
    print(f"{name}: p99 {before * 1000:.1f} ms before, {beside * 1000:.1f} ms beside it", flush=True)
    assert beside <= 2 * before + MARGIN


def test_a_storm_of_crashes_does_not_keep_the_server_busy(world, tmp_path):
    with plague(world.live, tmp_path / "plague", "sys.exit(1)\n", STORM):
        server = world.pids()["server"]
        before = usage.cpu([server], children=False)
        time.sleep(SECONDS)
        busy = (usage.cpu([server], children=False) - before) / SECONDS
    print(f"{STORM} processes crashing: the server takes {busy:.2f} of a core", flush=True)
    assert busy < BUSY
