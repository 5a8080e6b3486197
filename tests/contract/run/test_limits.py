"""A process is held to its size, and its neighbours do not notice; each part skipped where the machine grants none."""

import os
import threading
import time

import pytest

from tests.support.processes import World, make_slug, make_spec, until
from twelve.core.errors import PlatformError
from twelve.core.model import SIZES, HealthCheck
from twelve.core.policy import memory
from twelve.stages.logs.hub import LogHub
from twelve.stages.logs.pump import Pump
from twelve.stages.run.local import limits
from twelve.stages.run.local.engine import LocalEngine

pytestmark = pytest.mark.integration

QUOTA = 32  # MiB
TAKE = "import time; b = bytearray({mib} << 20); print('taken', flush=True); time.sleep(60)"
R14, R15 = "Error R14 (Memory quota exceeded)", "Error R15 (Memory quota vastly exceeded)"
STEADY = (HealthCheck(uptime=0.0),)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(SIZES, "tiny", QUOTA)
    monkeypatch.setattr(memory, "SAMPLED", 0.1)


@pytest.fixture(params=["bwrap", "none"])
def world(request, tmp_path):
    try:
        made = World(tmp_path / "home", request.param)
    except PlatformError as error:
        pytest.skip(str(error))
    yield made
    made.close()


@pytest.fixture
def slug(tmp_path):
    return make_slug(tmp_path / "slug", {"shipped.txt": "shipped\n"})


def needs(world, controller):
    if controller not in world.engine.limits:
        pytest.skip(f"no {controller} control group is granted here")


def take(mib):
    return f'python3 -c "{TAKE.format(mib=mib)}"'


def groups_of(world, spec):
    return limits.noted(world.settings.run / "processes" / spec.id.hex).groups


def test_a_memory_hog_ends_and_its_neighbour_lives(world, slug):
    needs(world, "memory")
    neighbour = make_spec(slug, "sleep 60", kept=True, number=2, size="tiny")
    world.engine.start([neighbour])
    spec = make_spec(slug, f"exec {take(200)}", size="tiny")
    assert world.run(spec)[0] == 137
    assert world.sink.of("run.1")[-5:] == [
        f"Process running mem={2 * QUOTA}M(200.0%)",
        R15,
        "Stopping process with SIGKILL",
        "Process exited with status 137",
        "State changed from up to complete",
    ]
    assert [process.name for process in world.engine.processes()] == ["worker.2"]
    assert R15 not in world.sink.of("worker.2")


def test_when_the_kernel_ends_a_part_the_whole_follows_and_starts_again(world, slug):
    needs(world, "memory")
    spec = make_spec(slug, f"{take(200)}; sleep 60", kept=True, size="tiny", checks=STEADY)
    world.engine.start([spec])
    until(lambda: sum(event.kind == "starting" for event in world.events) == 2)
    said = world.sink.of("worker.1")
    end = said.index(R15)
    assert said[end + 1 : end + 4] == [
        "Stopping process with SIGKILL",
        "Process exited with status 137",
        "State changed from up to crashed",
    ]


def test_what_is_written_to_the_overlay_counts(world, slug):
    needs(world, "memory")
    if world.engine.isolation != "bwrap":
        pytest.skip("there is no overlay in memory")
    status, _ = world.run(make_spec(slug, "head -c 200M /dev/zero > filler; echo $?; sleep 60", size="tiny"))
    assert status == 137
    assert R15 in world.sink.of("run.1")


def test_temporary_files_have_an_end(world, slug):
    if world.engine.isolation != "bwrap":
        pytest.skip("temporary files are on the disk")
    _, lines = world.run(make_spec(slug, "head -c 200M /dev/zero > /tmp/filler; stat -c %s /tmp/filler", size="tiny"))
    assert int(lines[-1]) <= QUOTA << 20


def test_above_the_quota_there_is_a_warning_now_and_then(world, slug):
    needs(world, "memory")
    spec = make_spec(slug, take(44), kept=True, size="tiny", checks=STEADY)
    world.engine.start([spec])
    until(lambda: R14 in world.sink.of("worker.1"))
    time.sleep(0.5)  # several samples later there is still the one
    assert world.sink.of("worker.1").count(R14) == 1
    assert world.engine.processes()[0].state == "up"


def test_without_control_groups_memory_is_watched(monkeypatch, tmp_path, slug):
    monkeypatch.setattr(limits, "granted", lambda *_: {})
    world = World(tmp_path / "home")
    assert not world.engine.limits
    try:
        warned = make_spec(slug, take(44), kept=True, size="tiny", checks=STEADY)
        world.engine.start([warned])
        assert world.run(make_spec(slug, take(100), size="tiny"))[0] == 137
        assert R15 in world.sink.of("run.1")
        until(lambda: R14 in world.sink.of("worker.1"))
    finally:
        world.close()


def test_a_fork_bomb_is_bounded(world, slug):
    if os.geteuid() == 0 or world.engine.isolation != "bwrap":
        needs(world, "pids")
    code = """import os, time
made = 0
for _ in range(400):
    try:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
    except OSError:
        break
    made += 1
print(made, flush=True)
"""
    bomb = make_slug(slug.layers[0].path.parent / "bomb", {"bomb.py": code})
    status, lines = world.run(make_spec(bomb, "python3 bomb.py", size="tiny", stop_timeout=0.2))
    assert status == 0
    assert 10 < int(lines[-1]) < 32


def test_open_files_have_a_limit(world, slug):
    assert 0 < int(world.run(make_spec(slug, "ulimit -n"))[1][0]) <= 10_000


def test_nothing_is_left_of_a_process_that_has_ended(world, slug):
    needs(world, "pids")
    spec = make_spec(slug, "sleep 60", kept=True, checks=STEADY)
    world.engine.start([spec])
    groups = groups_of(world, spec)
    assert {group.controller for group in groups} == set(world.engine.limits)
    until(lambda: all((group.path / "cgroup.procs").read_text().split() for group in groups))
    world.engine.stop([spec.id])
    assert not [group.path for group in groups if group.path.exists()]


def test_the_next_server_takes_the_groups_over(world, slug):
    needs(world, "memory")
    spec = make_spec(slug, f"sleep 1; exec {take(200)}", kept=True, size="tiny", checks=STEADY)
    world.engine.start([spec])
    world.engine.wait_up([spec.id])
    groups = groups_of(world, spec)
    world.engine.close()
    world.engine = LocalEngine(world.settings, world.records, world.sink, world.pump)
    world.engine.adopt({spec.id: spec})
    until(lambda: R15 in world.sink.of("worker.1"))
    world.engine.stop([spec.id])
    assert not [group.path for group in groups if group.path.exists()]


def test_a_log_flood_does_not_silence_others(world, slug):
    heard = {"run.1": 0, "worker.2": 0}
    lock = threading.Lock()

    class Counted(LogHub):
        def publish(self, app, source, process, stamp, lines, mode=None):
            with lock:
                heard[process] = heard.get(process, 0) + lines.count(b"\n")

    pump = Pump(Counted())
    pump.start()
    world.engine.close()
    world.engine = LocalEngine(world.settings, world.records, world.sink, pump)
    flood = make_spec(slug, "timeout 2 yes")
    calm = make_spec(slug, "while :; do echo tick; sleep 0.05; done", kept=True, number=2, checks=STEADY)
    world.engine.start([calm])
    until(lambda: heard["worker.2"])
    before = heard["worker.2"]
    world.engine.start([flood])
    world.engine.wait_exit(flood.id, 20)
    assert heard["worker.2"] - before >= 10
    assert heard["run.1"] > 100_000
    world.engine.stop([calm.id])
    pump.stop()
