"""What every Router does, the in-memory one and the real front door alike."""

import http.server
import threading
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID, uuid4

import pytest

from tests.support.front_door import front_door, get
from twelve.core.model.rollout import Rollout, RolloutStatus, Unit, Variant
from twelve.core.policy.assign import assigned, ramp
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

    def assigned(self, host, unit):
        """The mode, or the id of the one backend that gets it."""
        if self.router.answer(host) != "serving":
            return self.router.answer(host)
        [one] = self.router.assigned(host, unit)
        return str(one)


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

    def assigned(self, host, unit):
        status, body = get(self._port, host, **{"X-User-Id": unit})
        return body if status == 200 else self.MODES[next(code for code in self.MODES if code in body)]

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
    notes.router.set_rollout("nobody", None)
    assert "nobody" not in notes.router.known()
    assert notes.router.in_flight("notes", uuid4()) == 0
    assert notes.router.in_flight("nobody", uuid4()) == 0


def test_a_name_can_be_used_again_after_it_was_forgotten(notes):
    notes.router.forget("notes")
    one = notes.backend("web.1")
    notes.router.set_hosts("notes", [HOST])
    notes.router.switch("notes", [one])
    assert notes.meets(HOST) == {str(one.id)}


UNITS = [f"u{number}" for number in range(40)]


def rollout(status=RolloutStatus.RUNNING, phase=1, **weights):
    """By the header x-user-id, a the control."""
    variants = ramp((Variant("a", 12), *(Variant(name, 13) for name in weights)), weights)
    return Rollout(
        uuid4(), uuid4(), "notes", 1, Unit("header:x-user-id"), variants, 7, phase, status, datetime.now(UTC)
    )  # fmt: skip


@pytest.fixture
def split(notes):
    """An app with two variants, 40 % on the second one; each is known by one letter."""
    control, treatment = notes.backend("web.1"), notes.backend("web.10001")
    notes.router.set_mode("notes", "serving")
    notes.router.switch("notes", [control])
    notes.router.set_rollout("notes", rollout(b=4000))
    notes.router.switch("notes", [treatment])
    notes.names = {str(control.id): "a", str(treatment.id): "b"}
    return notes


def met(door, units=UNITS):
    return [door.names[door.assigned(HOST, unit)] for unit in units]


def dealt(wanted, units=UNITS):
    return [assigned(wanted.variants, wanted.salt, unit).name for unit in units]


def test_a_rollout_deals_units_out_by_the_formula(split):
    assert met(split) == dealt(rollout(b=4000))
    assert set(met(split)) == {"a", "b"}


def test_a_ramp_moves_nobody_back(split):
    before = met(split)
    split.router.set_rollout("notes", rollout(b=8000, phase=2))
    after = met(split)
    assert after == dealt(rollout(b=8000))
    assert all(new == "b" for old, new in zip(before, after, strict=True) if old == "b")
    assert after != before


def test_a_third_variant_takes_units_from_the_control_only(split):
    before, third = met(split), split.backend("web.20001")
    split.names[str(third.id)] = "c"
    wanted = rollout(b=4000, c=3000, phase=2)
    split.router.set_rollout("notes", wanted)
    split.router.switch("notes", [third])
    assert met(split) == dealt(wanted)
    assert all(new in {old, "c"} for old, new in zip(before, met(split), strict=True) if old == "a")
    assert all(new == "b" for old, new in zip(before, met(split), strict=True) if old == "b")


def test_a_variant_without_a_backend_is_answered_for_by_the_control(split):
    [treatment] = [id_ for id_, name in split.names.items() if name == "b"]
    split.router.remove("notes", UUID(treatment))
    assert set(met(split)) == {"a"}
    back = split.backend("web.10001")
    split.names[str(back.id)] = "b"
    split.router.switch("notes", [back])
    assert met(split) == dealt(rollout(b=4000))


def test_a_rollout_that_is_over_gives_everything_to_the_control_and_knows_its_processes_until_they_are_gone(split):
    split.router.set_rollout("notes", rollout(RolloutStatus.ABORTED, b=4000))
    assert set(met(split)) == {"a"}
    assert {str(id_) for id_ in split.router.known()["notes"]} == set(split.names)
    split.router.set_rollout("notes", None)
    assert {str(id_) for id_ in split.router.known()["notes"]} == {
        id_ for id_, name in split.names.items() if name == "a"
    }
    assert set(met(split)) == {"a"}


def test_maintenance_wins_over_a_rollout(split):
    split.router.set_mode("notes", "maintenance")
    assert split.meets(HOST) == "maintenance"
    assert (
        split.assigned(HOST, next(unit for unit in UNITS if dealt(rollout(b=4000), [unit]) == ["b"])) == "maintenance"
    )
