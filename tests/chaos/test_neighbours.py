"""One app that misbehaves, and the neighbour who must not notice: latency before and with it, side by side."""

import json
import time

import pytest

from tests.support.load import Load
from twelve.infra import usage

pytestmark = pytest.mark.integration

SECONDS = 2.0
MARGIN = 0.25  # seconds a shared machine may add to what is twice the latency of before
PEACE = 3.5  # seconds from the deploy to the plague: it must come up first
STORM = 8  # processes that crash at once, and again
BUSY = 0.5  # of a core: what the server may take meanwhile
PLAGUES = {
    "a fork bomb": """
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.1)
""",
    "a memory hog": """
hog = []
while True:
    hog.append(b"x" * (16 << 20))
""",
    "a disk filler": """
while True:
    try:
        with open("/tmp/filled", "ab") as file:
            file.write(b"x" * (1 << 20))
    except OSError:
        os.unlink("/tmp/filled")
""",
    "a log flood": """
while True:
    print("flood " * 20)
""",
}


@pytest.fixture
def plague(world, tmp_path):
    """Deploys a codebase that begins to misbehave a little later, waits for that, and destroys the app afterwards."""
    live = world.live

    def begin(code, quantity=1):
        source = tmp_path / "plague"
        source.mkdir()
        start = f"import os, sys, time\ntime.sleep(max(0, {time.time() + PEACE} - time.time()))\n"
        (source / "worker.py").write_text(start + code)
        (source / "Procfile").write_text("worker: python3 worker.py\n")
        (source / "app.json").write_text(
            json.dumps({"formation": {"worker": {"quantity": quantity, "stop_timeout": 1}}})
        )
        begun = time.monotonic()
        live.up(source, "plague")
        time.sleep(max(0, begun + PEACE - time.monotonic()))

    yield begin
    live.cli("apps", "destroy", "plague", "--confirm", "plague")


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
def test_a_neighbour_is_hardly_slower_beside(world, before, plague, name):
    plague(PLAGUES[name])
    beside = p99(world)
    print(f"{name}: p99 {before * 1000:.1f} ms before, {beside * 1000:.1f} ms beside it", flush=True)
    assert beside <= 2 * before + MARGIN


def test_a_storm_of_crashes_does_not_keep_the_server_busy(world, plague):
    plague("sys.exit(1)\n", STORM)
    server = world.pids()["server"]
    before = usage.cpu([server], children=False)
    time.sleep(SECONDS)
    busy = (usage.cpu([server], children=False) - before) / SECONDS
    print(f"{STORM} processes crashing: the server takes {busy:.2f} of a core", flush=True)
    assert busy < BUSY
