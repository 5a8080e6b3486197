"""kill -9 the server: its processes go on, and the next server knows what happened meanwhile."""

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import World, make_slug, make_spec, until
from twelve.core.errors import PlatformError
from twelve.core.model import HealthCheck
from twelve.stages.run.local import tree
from twelve.stages.run.local.life import recorded_exit
from twelve.stages.run.local.sandbox import choose

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
ALIVE = (HealthCheck(uptime=0.1),)
SERVER = """
import pickle, sys, time
from pathlib import Path
from tests.support.processes import World
home, sandbox = Path(sys.argv[1]), sys.argv[2]
world = World(home, sandbox)
specs = pickle.loads((home / "specs").read_bytes())
world.engine.start(specs)
world.engine.wait_up([spec.id for spec in specs])
print("up", flush=True)
time.sleep(600)
"""


@pytest.fixture(params=["bwrap", "landlock"])
def sandbox(request, tmp_path):
    try:
        choose(request.param, tmp_path)
    except PlatformError as error:
        pytest.skip(str(error))
    return request.param


@pytest.fixture
def slug(tmp_path):
    return make_slug(tmp_path / "slug", {"web.txt": "served"})


@pytest.fixture
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


def run_and_kill_a_server(home, sandbox, specs, while_it_runs=lambda: None):
    (home / "specs").write_bytes(pickle.dumps(specs))
    server = subprocess.Popen([sys.executable, "-c", SERVER, home, sandbox], cwd=ROOT, stdout=subprocess.PIPE)
    assert server.stdout.readline() == b"up\n"
    while_it_runs()
    server.send_signal(signal.SIGKILL)
    server.wait()
    server.stdout.close()


def adopt(home, sandbox, specs):
    world = World(home, sandbox)
    return world, world.engine.adopt({spec.id: spec for spec in specs})


def test_a_running_process_goes_on_and_loses_no_line(home, sandbox, slug):
    count = "i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo line $i; [ $i -gt 20 ] || sleep 0.05; done; sleep 60"
    spec = make_spec(slug, count, kept=True, checks=ALIVE)
    run_and_kill_a_server(home, sandbox, [spec])
    pids = tree.carriers()[spec.id]
    world, adopted = adopt(home, sandbox, [spec])
    try:
        assert [(process.name, process.state) for process in adopted] == [("worker.1", "up")]
        until(lambda: "line 400" in world.pump.lines("worker.1"))
        numbers = [int(line.split()[1]) for line in world.pump.lines("worker.1")]
        assert numbers == list(range(numbers[0], 401))
        assert numbers[0] <= 20, "the dead server had read the first lines, and no more than those"
        assert set(pids) & set(tree.carriers()[spec.id]), "it is the same process"
        world.engine.stop([spec.id])
        assert world.sink.of("worker.1")[-1] == "Process exited with status 143"
        assert spec.id not in tree.carriers()
    finally:
        world.close()


def test_an_exit_meanwhile_is_known_with_its_last_words(home, sandbox, slug):
    spec = make_spec(slug, "sleep 1; echo last words; exit 7", type="run")
    run_and_kill_a_server(home, sandbox, [spec])
    until(lambda: spec.id not in tree.carriers())
    world, adopted = adopt(home, sandbox, [spec])
    try:
        assert [process.id for process in adopted] == [spec.id]
        assert world.engine.wait_exit(spec.id, 5) == 7
        assert world.pump.lines("run.1") == ["last words"]
        assert world.sink.of("run.1") == ["Process exited with status 7", "State changed from up to complete"]
        until(lambda: world.records.list() == [])
    finally:
        world.close()


def test_what_an_ended_process_left_behind_ends_with_the_next_server(home, sandbox, slug):
    spec = make_spec(slug, "sleep 300 & sleep 0.5; exit 7", type="run")
    run_and_kill_a_server(home, sandbox, [spec])
    status = home / "run" / "processes" / spec.id.hex / "status"
    until(lambda: recorded_exit(status) == 7)
    world, _ = adopt(home, sandbox, [spec])
    try:
        assert world.engine.wait_exit(spec.id, 5) == 7
        until(lambda: spec.id not in tree.carriers())
    finally:
        world.close()


def test_a_kept_process_that_died_meanwhile_starts_again(home, sandbox, slug):
    spec = make_spec(slug, "sleep 0.7; exit 5", kept=True, checks=ALIVE)
    run_and_kill_a_server(home, sandbox, [spec])
    until(lambda: spec.id not in tree.carriers())
    world, _ = adopt(home, sandbox, [spec])
    try:
        until(lambda: any(event.kind == "up" for event in world.events))
        assert world.sink.of("worker.1")[:3] == [
            "Process exited with status 5",
            "State changed from up to crashed",
            "State changed from crashed to starting",
        ]
    finally:
        world.close()


def test_what_belongs_to_no_release_is_stopped(home, sandbox, slug):
    wanted, stray = (make_spec(slug, "sleep 60", kept=True, checks=ALIVE, number=number) for number in (1, 2))
    run_and_kill_a_server(home, sandbox, [wanted, stray])
    world, adopted = adopt(home, sandbox, [wanted])
    try:
        assert [process.id for process in adopted] == [wanted.id]
        assert stray.id not in tree.carriers()
        assert [record.id for record in world.records.list()] == [wanted.id]
    finally:
        world.close()


def test_what_is_gone_without_a_trace_is_forgotten(home, sandbox, slug):
    spec = make_spec(slug, "sleep 60", kept=True, checks=ALIVE)

    def power_failure():
        for pid in tree.carriers()[spec.id]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    run_and_kill_a_server(home, sandbox, [spec])
    power_failure()
    until(lambda: spec.id not in tree.carriers())
    (home / "run" / "processes" / spec.id.hex / "status").unlink()
    world, adopted = adopt(home, sandbox, [spec])
    try:
        assert adopted == []
        assert world.records.list() == []
        assert list((home / "run" / "processes").iterdir()) == []
    finally:
        world.close()


def test_a_server_that_closes_leaves_its_processes(home, sandbox, slug):
    spec = make_spec(slug, "sleep 60", kept=True, checks=ALIVE)
    first = World(home, sandbox)
    first.engine.start([spec])
    first.engine.wait_up([spec.id])
    first.close(stop=False)
    assert spec.id in tree.carriers()
    world, adopted = adopt(home, sandbox, [spec])
    try:
        assert [process.id for process in adopted] == [spec.id]
        (holder,) = world.engine.platform_processes()
        world.engine.stop([spec.id])
        until(lambda: tree.start_time(holder.pid) is None)
    finally:
        world.close()


def test_the_start_of_a_pid_tells_it_from_another(home, sandbox, slug):
    """A record whose pid is in use again by somebody else is not that process."""
    spec = make_spec(slug, "sleep 60", kept=True, checks=ALIVE)
    first = World(home, sandbox)
    first.engine.start([spec])
    first.engine.wait_up([spec.id])
    (record,) = first.records.list()
    first.close()
    from dataclasses import replace

    bystander = subprocess.Popen(["sleep", "60"])
    first.records.insert([replace(record, pid=bystander.pid)])
    world, adopted = adopt(home, sandbox, [spec])
    try:
        assert adopted == []
        assert bystander.poll() is None
    finally:
        world.close()
        bystander.kill()
        bystander.wait()
