"""What every Router does, the in-memory one and the real front door alike."""

import http.server
import threading
from typing import ClassVar
from uuid import uuid4

import pytest

from tests.support.front_door import front_door, get
from twelve.core.ports import Backend
from twelve.stages.router.memory import MemoryRouter


class Memory:
    """One real port a backend is not needed: a request's fate is asked for."""

    def __init__(self):
        self.router = MemoryRouter()

    def backend(self, name):
        return Backend(uuid4(), name, 1)

    def meets(self, host):
        """The mode, or the backend ids that may get it."""
        answer = self.router.answer(host)
        app = next((route.app for route in self.router.routes.values() if host in route.hosts), "")
        return {str(one) for one in self.router.ready(app)} if answer == "serving" else answer


class Real:
    """Backends that answer with their own id; pages are told apart by their code."""

    MODES: ClassVar = {
        "H10": "crashed",
        "H14": "none",
        "H31": "unknown",
        "H80": "maintenance",
        "H81": "blank",
        "H20": "hold",
    }

    def __init__(self, router, port):
        self.router, self._port, self._servers = router, port, []

    def backend(self, name):
        id_ = uuid4()

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(str(id_).encode())

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self._servers.append(server)
        return Backend(id_, name, server.server_port)

    def meets(self, host):
        seen = set()
        for _ in range(8):  # least connections: taking turns when idle
            status, body = get(self._port, host)
            if status != 200:
                return self.MODES[next(code for code in self.MODES if code in body)]
            seen.add(body)
        return seen

    def close(self):
        for server in self._servers:
            server.shutdown()
            server.server_close()


@pytest.fixture(params=["memory", pytest.param("haproxy", marks=pytest.mark.integration)])
def door(request, tmp_path):
    if request.param == "memory":
        yield Memory()
        return
    with front_door(tmp_path, hold=0.3) as (router, port, _):
        real = Real(router, port)
        yield real
        real.close()


HOST = "notes.localhost"


@pytest.fixture
def notes(door):
    door.router.set_hosts("notes", [HOST])
    return door


def test_an_unknown_host_is_nobodys(notes):
    assert notes.meets("elsewhere.localhost") == "unknown"


@pytest.mark.parametrize("mode", ["crashed", "none", "blank", "hold", "maintenance"])
def test_without_a_ready_backend_the_mode_answers(notes, mode):
    notes.router.set_mode("notes", mode)
    assert notes.meets(HOST) == mode


@pytest.mark.parametrize("mode", ["crashed", "none", "blank", "hold", "serving"])
def test_a_ready_backend_serves_in_any_mode(notes, mode):
    notes.router.set_mode("notes", mode)
    one = notes.backend("web.1")
    notes.router.switch("notes", [one])
    assert notes.meets(HOST) == {str(one.id)}


def test_but_maintenance_wins(notes):
    one = notes.backend("web.1")
    notes.router.switch("notes", [one])
    notes.router.set_mode("notes", "maintenance")
    assert notes.meets(HOST) == "maintenance"
    notes.router.set_mode("notes", "serving")
    assert notes.meets(HOST) == {str(one.id)}


def test_a_switch_replaces_the_old_by_the_new(notes):
    old, new = notes.backend("web.1"), notes.backend("web.1")
    notes.router.switch("notes", [old])
    notes.router.switch("notes", [new], [old.id])
    assert notes.meets(HOST) == {str(new.id)}
    notes.router.remove("notes", old.id)
    assert notes.meets(HOST) == {str(new.id)}


def test_all_ready_backends_take_part(notes):
    both = [notes.backend("web.1"), notes.backend("web.2")]
    notes.router.switch("notes", both)
    assert notes.meets(HOST) == {str(one.id) for one in both}
    notes.router.remove("notes", both[0].id)
    assert notes.meets(HOST) == {str(both[1].id)}


def test_a_switch_done_twice_is_done_once(notes):
    one = notes.backend("web.1")
    notes.router.switch("notes", [one])
    notes.router.switch("notes", [one])
    assert notes.meets(HOST) == {str(one.id)}


def test_the_last_one_removed_means_waiting(notes):
    one = notes.backend("web.1")
    notes.router.switch("notes", [one])
    notes.router.set_mode("notes", "serving")
    notes.router.remove("notes", one.id)
    assert notes.meets(HOST) == "hold"


def test_hosts_come_and_go(notes):
    one = notes.backend("web.1")
    notes.router.switch("notes", [one])
    notes.router.set_hosts("notes", ["shop.example", HOST])
    assert notes.meets("shop.example") == notes.meets(HOST) == {str(one.id)}
    notes.router.set_hosts("notes", ["shop.example"])
    assert notes.meets(HOST) == "unknown"


def test_apps_do_not_mix(notes):
    mine, theirs = notes.backend("web.1"), notes.backend("web.1")
    notes.router.set_hosts("shop", ["shop.localhost"])
    notes.router.switch("notes", [mine])
    notes.router.switch("shop", [theirs])
    assert notes.meets(HOST) == {str(mine.id)}
    assert notes.meets("shop.localhost") == {str(theirs.id)}
    notes.router.forget("notes")
    assert notes.meets(HOST) == "unknown"
    assert notes.meets("shop.localhost") == {str(theirs.id)}


def test_what_nobody_knows_is_fine(notes):
    notes.router.remove("notes", uuid4())
    notes.router.remove("nobody", uuid4())
    notes.router.forget("nobody")
    assert notes.router.in_flight("notes", uuid4()) == 0
    assert notes.router.in_flight("nobody", uuid4()) == 0


def test_a_name_can_be_used_again_after_it_was_forgotten(notes):
    notes.router.forget("notes")
    one = notes.backend("web.1")
    notes.router.set_hosts("notes", [HOST])
    notes.router.switch("notes", [one])
    assert notes.meets(HOST) == {str(one.id)}
