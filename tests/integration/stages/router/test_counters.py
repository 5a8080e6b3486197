"""What the front door counts: exactly, over processes that come and go, over its own death and over ours."""

import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest

from tests.support.front_door import eventually, front_door, get
from twelve.core.ports import Backend
from twelve.stages.metrics.traffic import Traffic
from twelve.stages.router import counters
from twelve.stages.router.haproxy import HaproxyRouter

pytestmark = pytest.mark.integration
HOST = "a.localhost"


class Statuses(BaseHTTPRequestHandler):
    """Answers with the status its path names; /hold waits until it may go on."""

    protocol_version = "HTTP/1.1"
    may_go = threading.Event()

    def do_GET(self):
        held = self.path == "/hold"
        if held:
            self.may_go.wait(20)
        self.send_response(200 if held else int(self.path[1:]))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_args):
        pass


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_args):
        """A front door that dies resets its connections."""


@pytest.fixture
def backend():
    Statuses.may_go.clear()
    server = Quiet(("127.0.0.1", 0), Statuses)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    Statuses.may_go.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def door(tmp_path):
    traffic = Traffic()
    with front_door(tmp_path, meter=traffic) as (router, port, _):
        yield router, port, traffic


def ask(port, *statuses, host=HOST):
    for status in statuses:
        assert get(port, host, f"/{status}")[0] == status


def serve(router, backend, name="web.1", app="a"):
    process = uuid4()
    router.set_hosts(app, [f"{app}.localhost"])
    router.switch(app, [Backend(process, name, backend)])
    router.set_mode(app, "serving")
    return process


def counted(router, app="a"):
    return {kind: count for kind, count in router.requests()[app].total.items() if count}


def settled(router, wanted, app="a"):
    eventually(lambda: counted(router, app) == wanted or sum(counted(router, app).values()) > sum(wanted.values()))
    assert counted(router, app) == wanted


def test_every_answer_counts_by_its_class(door, backend):
    router, port, traffic = door
    process = serve(router, backend)
    ask(port, 200, 204, 302, 404, 404, 500)
    settled(router, {"2xx": 2, "3xx": 1, "4xx": 2, "5xx": 1})
    assert router.requests("a")["a"].processes[process].count == 6
    assert router.requests("nobody") == {}
    eventually(lambda: traffic.latency("a").count == 6)
    assert traffic.unserved("a") == {}


def test_processes_that_leave_take_nothing_away(door, backend):
    router, port, _ = door
    first = serve(router, backend)
    ask(port, 200, 500)
    second = uuid4()
    router.switch("a", [Backend(second, "web.1", backend)], drain=[first])
    router.remove("a", first)
    ask(port, 200)
    settled(router, {"2xx": 2, "5xx": 1})
    found = router.requests()["a"]
    assert {process: one.count for process, one in found.processes.items()} == {second: 1}


def test_counters_never_go_down_when_the_front_door_dies(door, backend):
    router, port, _ = door
    serve(router, backend)
    ask(port, 200, 200)
    settled(router, {"2xx": 2})
    pid = router.processes()[0].pid
    os.kill(pid, signal.SIGKILL)
    assert counted(router)["2xx"] == 2  # it does not answer, or counts from zero again
    eventually(lambda: router.processes() and router.processes()[0].pid != pid)
    eventually(lambda: router.requests()["a"].open is not None)
    ask(port, 200)
    settled(router, {"2xx": 3})


def test_the_next_server_goes_on_counting(tmp_path, backend):
    with front_door(tmp_path) as (router, port, hub):
        serve(router, backend)
        ask(port, 200, 404)
        settled(router, {"2xx": 1, "4xx": 1})
        router.release()
        from twelve.infra.settings import Settings

        following = HaproxyRouter(Settings(home=tmp_path, router_port=port), hub)
        following.start()
        try:
            ask(port, 200)
            settled(following, {"2xx": 2, "4xx": 1})
        finally:
            following.release()
            router.start()


def test_pages_count_once_and_apart(door):
    router, port, traffic = door
    router.set_hosts("a", [HOST])
    router.set_mode("a", "crashed")
    for _ in range(3):
        assert get(port, HOST)[0] == 503
    eventually(lambda: traffic.unserved("a") == {"5xx": 3})
    assert counted(router) == {}
    assert traffic.latency("a").count == 0


def test_a_held_request_counts_once(door, backend):
    router, port, traffic = door
    router.set_hosts("a", [HOST])
    router.set_mode("a", "hold")
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(get(port, HOST, "/200")[0]))
    waiting.start()
    serve(router, backend)
    waiting.join(10)
    assert answers == [200]
    ask(port, 404)
    settled(router, {"2xx": 1, "4xx": 1})
    eventually(lambda: traffic.latency("a").count == 2)
    assert traffic.unserved("a") == {}


def test_open_requests_are_told(door, backend):
    router, port, _ = door
    process = serve(router, backend)
    threads = [threading.Thread(target=get, args=(port, HOST, "/hold")) for _ in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: router.requests()["a"].open == 3)
    assert router.requests()["a"].processes[process].open == 3
    Statuses.may_go.set()
    for thread in threads:
        thread.join(10)
    eventually(lambda: router.requests()["a"].open == 0)


def test_a_slot_that_is_used_again_begins_with_nothing(door, backend):
    router, port, _ = door
    serve(router, backend)
    ask(port, 200, 200)
    settled(router, {"2xx": 2})
    slot = router.routes()["a"].slot
    router.forget("a")
    router._last_slot.clear()  # as a server begins that took over this front door
    eventually(lambda: slot_of(router, "b") == slot)
    serve(router, backend, app="b")
    ask(port, 200, host="b.localhost")
    settled(router, {"2xx": 1}, app="b")


def slot_of(router, app):
    router.forget(app)
    router._last_slot.clear()
    router.set_hosts(app, [f"{app}.localhost"])
    return router.routes()[app].slot


def test_what_nobody_asked_for_is_kept_when_the_front_door_dies_later(door, backend, monkeypatch):
    monkeypatch.setattr(counters, "KEPT_UP", 0.0)
    router, port, _ = door
    serve(router, backend)
    ask(port, 200, 200, 404)
    eventually(lambda: router._counters._totals.get("a", {}).get("4xx") == 1)
    os.kill(router.processes()[0].pid, signal.SIGKILL)
    eventually(lambda: router.requests()["a"].open is not None)
    assert counted(router) == {"2xx": 2, "4xx": 1}
