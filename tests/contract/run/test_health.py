"""Readiness and liveness checks of a process that is up, whatever isolates it."""

import signal

import pytest

from tests.support.processes import World, make_slug, make_spec, until
from twelve.core.errors import PlatformError
from twelve.core.model import HealthCheck

pytestmark = pytest.mark.integration

STARTED = HealthCheck(uptime=0.05)
OPEN = HealthCheck(listening=True)


@pytest.fixture(params=["bwrap", "landlock", "none"])
def world(request, tmp_path_factory):
    try:
        made = World(tmp_path_factory.mktemp("home"), request.param)
    except PlatformError as error:
        pytest.skip(str(error))
    yield made
    made.close()


@pytest.fixture
def slug(tmp_path):
    return make_slug(tmp_path / "slug", {"web.py": MOODY})


MOODY = """
import http.server, os, signal

mood = 200

def change(number, frame):
    global mood
    mood = 503 if number == signal.SIGUSR1 else 200

class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        if self.path == "/every-other-time":
            Handler.asked += 1
            print("asked", Handler.asked, "times", flush=True)
        self.send_response(503 if Handler.asked % 2 else mood)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *words):
        pass

signal.signal(signal.SIGUSR1, change)
signal.signal(signal.SIGUSR2, change)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def up(world, slug, command, *checks, **more):
    spec = make_spec(slug, command, kept=True, checks=checks, **more)
    world.engine.start([spec])
    (result,) = world.engine.wait_up([spec.id])
    assert result.kind == "up", result
    return spec


def kinds(world, spec):
    return [event.kind for event in world.events if event.process.id == spec.id]


def tell(world, spec, number):
    """A signal to the app itself."""
    supervisor = world.engine._supervised[spec.id]
    assert supervisor._life.signal(number)


def test_a_process_that_is_not_ready_is_told_about_until_it_is(world, slug):
    ready = HealthCheck(type="readiness", path="/", wait=0.1, attempts=2)
    spec = up(world, slug, "exec python3 web.py", OPEN, ready, type="web", routed=True)
    tell(world, spec, signal.SIGUSR1)
    until(lambda: "unready" in kinds(world, spec))
    assert "ready" not in kinds(world, spec)
    tell(world, spec, signal.SIGUSR2)
    until(lambda: "ready" in kinds(world, spec))
    assert kinds(world, spec) == ["starting", "up", "unready", "ready"]
    assert "Readiness check failed 2 times in a row, so it gets no requests: answered 503 to GET /" in world.sink.of(
        "web.1"
    )


def test_a_process_without_life_is_ended_and_starts_again(world, slug):
    alive = HealthCheck(type="liveness", path="/", wait=0.1, attempts=2)
    spec = up(world, slug, "exec python3 web.py", OPEN, alive, type="web", routed=True)
    tell(world, spec, signal.SIGUSR1)
    until(lambda: kinds(world, spec).count("up") == 2, 30)
    assert kinds(world, spec) == ["starting", "up", "exited", "starting", "up"]
    said = world.sink.of("web.1")
    assert "Liveness check failed 2 times in a row: answered 503 to GET /" in said
    assert "Stopping all processes with SIGTERM" in said


def test_a_command_is_run_beside_the_app(world, slug):
    """What it asks for vanishes with the life before: the next one makes it anew."""
    alive = HealthCheck(type="liveness", command=("sh", "-c", "test ! -e sick"), wait=0.1, attempts=1)
    spec = up(world, slug, "rm -f sick; sleep 1; touch sick; sleep 60", STARTED, alive)
    until(lambda: kinds(world, spec).count("starting") == 2, 30)
    assert "Liveness check failed once: fails `sh -c test ! -e sick` with status 1" in world.sink.of("worker.1")


def test_one_failure_is_not_enough(world, slug):
    flaky = HealthCheck(type="liveness", path="/every-other-time", wait=0.1, attempts=2)
    spec = up(world, slug, "exec python3 web.py", OPEN, flaky, type="web", routed=True)
    until(lambda: "asked 6 times" in world.pump.lines("web.1"))
    assert kinds(world, spec) == ["starting", "up"]
