"""Where bubblewrap is refused, one small program forks all processes: what its death means, and what they cost."""

import os
import signal
from pathlib import Path

import pytest

from tests.support.processes import World, make_slug, make_spec, until
from twelve.core.model import HealthCheck
from twelve.stages.run.local import tree
from twelve.stages.run.local.copied import APP, Copied
from twelve.stages.run.local.life import recorded_exit
from twelve.stages.run.local.shell import environment
from twelve.stages.run.local.spawn import Streams
from twelve.stages.run.local.starter import BLANK, Starter

pytestmark = pytest.mark.integration

ALIVE = (HealthCheck(uptime=0.1),)


@pytest.fixture
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("home"), "none")
    yield made
    made.close()


@pytest.fixture
def slug(tmp_path):
    return make_slug(tmp_path / "slug", {"shipped.txt": "shipped\n"})


def starters():
    """Ours: children of this process that carry the blank id."""
    own = tree.children(os.getpid())
    return [pid for process, pids in tree.carriers().items() if str(process) == BLANK for pid in pids if pid in own]


def test_its_death_ends_nobody_and_the_next_start_begins_another(world, slug):
    first, second = (make_spec(slug, "sleep 60", kept=True, number=number, checks=ALIVE) for number in (1, 2))
    world.engine.start([first])
    (killed,) = starters()
    os.kill(killed, signal.SIGKILL)
    world.engine.start([second])
    assert {result.kind for result in world.engine.wait_up([first.id, second.id])} == {"up"}
    assert killed not in starters()
    world.engine.stop([first.id])
    assert world.sink.of("worker.1")[-1] == "Process exited with status 143"


def test_what_it_was_asked_for_and_had_not_begun_is_begun_by_the_next(tmp_path, slug):
    starter = Starter("")
    starter.ensure()
    (killed,) = starters()
    os.kill(killed, signal.SIGSTOP)
    sandbox, spec, nothing = Copied(landlock=False), make_spec(slug, "sleep 60"), os.open(os.devnull, os.O_RDWR)
    (tmp_path / APP).mkdir()
    start = sandbox.start(spec, tmp_path, environment(spec, 20001), ("/bin/sleep", "60"))
    begun = starter.spawn(start, Streams(nothing, nothing), tmp_path / "status")
    os.kill(killed, signal.SIGKILL)
    pid = begun()
    until(lambda: Path(f"/proc/{pid}/cmdline").read_bytes() == b"/bin/sleep\0" + b"60\0")
    assert tree.carries(pid, spec.id)
    os.kill(pid, signal.SIGKILL)
    until(lambda: recorded_exit(tmp_path / "status") == 137)
    starter.close()
    os.close(nothing)


def test_without_its_init_an_app_ends_and_starts_again(world, slug):
    spec = make_spec(slug, "sleep 60", kept=True, checks=ALIVE)
    (process,) = world.engine.start([spec])
    world.engine.wait_up([spec.id])
    os.kill(tree.parent(process.pid), signal.SIGKILL)
    until(lambda: sum(event.kind == "up" for event in world.events) == 2)
    assert "Process exited with status 137" in world.sink.of("worker.1")
    assert tree.start_time(process.pid) is None


def test_every_process_of_an_app_carries_its_id(world, slug):
    spec = make_spec(slug, "sleep 60", kept=True, checks=ALIVE)
    world.engine.start([spec])
    until(lambda: len(tree.carriers().get(spec.id, [])) == 2)
    names = {Path(f"/proc/{pid}/comm").read_text().strip() for pid in tree.carriers()[spec.id]}
    assert "sleep" in names


def test_the_engine_takes_it_along(tmp_path_factory, slug):
    world = World(tmp_path_factory.mktemp("home"), "none")
    world.run(make_spec(slug, "true"))
    (running,) = starters()
    world.close()
    assert tree.start_time(running) is None


def test_a_broken_pipe_ends_a_program_as_everywhere(world, slug):
    assert world.run(make_spec(slug, "yes | head -1; echo ${PIPESTATUS[0]}"))[1] == ["y", "141"]
