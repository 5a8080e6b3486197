"""Rollouts at the real HAProxy: who is dealt to whom, what the app and the log hear of it, deaths and adoption."""

import http.client
import json
import os
import re
import signal
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.integration.stages.router.test_front_door import App
from tests.support.front_door import eventually, front_door, get
from tests.support.load import Load
from twelve.core.model import LogFilter
from twelve.core.model.rollout import Rollout, RolloutStatus, Unit
from twelve.core.policy.assign import assigned, bucket, ramp, unit_hash
from twelve.core.policy.rollout import opening
from twelve.stages.router.commands import READ_COMMANDS, understand

pytestmark = pytest.mark.integration

HOST = "shop.localhost"
ROUTED = LogFilter(source="router")


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    with front_door(tmp_path_factory.mktemp("home"), hold=4.0) as found:
        yield found


@pytest.fixture
def router(door):
    router, _, hub = door
    hub.forget("shop")
    router.set_hosts("shop", [HOST])
    router.set_mode("shop", "serving")
    yield router
    router.forget("shop")


@pytest.fixture
def port(door):
    return door[1]


@pytest.fixture
def start():
    apps = []

    def begin(name, body):
        apps.append(App(name, body))
        return apps[-1]

    yield begin
    for app in apps:
        app.die()


def rollout(unit="header:x-user-id", *, anonymous=False, share=4000, phase=1, **fields):
    made = Rollout(
        uuid4(), uuid4(), "shop", 1, Unit(unit, anonymous), opening(12, {13: share}, {}), 7, phase,
        RolloutStatus.RUNNING, datetime.now(UTC),
    )  # fmt: skip
    return replace(made, **fields)


@pytest.fixture
def both(router, start):
    """Processes that answer with their variant."""
    apps = start("web.1", "a"), start("web.10001", "b")
    router.switch("shop", [apps[0].backend])
    router.set_rollout("shop", rollout())
    router.switch("shop", [apps[1].backend])
    return apps


def of(wanted, unit):
    return assigned(wanted.variants, wanted.salt, unit).name


def one_of(variant, wanted=None):
    return next(unit for unit in (f"u{n}" for n in range(1000)) if of(wanted or rollout(), unit) == variant)


UNITS = [
    *(f"user-{n}" for n in range(150)),
    *(f"ü-ñ {n}" for n in range(50)),
    "'",
    '"',
    "a,b",
    "x" * 200,
    "%41",
    "\u4e2d",
]


def deal(port, units):
    """One connection for all of them."""
    connection, found = http.client.HTTPConnection("127.0.0.1", port, timeout=20), []
    for unit in units:
        connection.request("GET", "/", headers={"Host": HOST, "X-User-Id": unit.encode()})
        found.append(connection.getresponse().read().decode())
    connection.close()
    return found


def test_any_unit_is_dealt_by_the_formula(both, port):
    wanted = rollout()
    assert deal(port, UNITS) == [of(wanted, unit) for unit in UNITS]


@pytest.mark.parametrize(
    ("source", "path", "headers"),
    [
        ("cookie:uid", "/", {"Cookie": "a=1; uid={unit}; b=2"}),
        ("query:user", "/?x=1&user={unit}", {}),
        ("header:x-user-id", "/", {"X-USER-ID": "{unit}"}),
    ],
)
def test_where_a_unit_comes_from(both, router, port, source, path, headers):
    wanted = rollout(source)
    router.set_rollout("shop", wanted)
    for unit in (one_of("a"), one_of("b")):
        sent = {key: value.format(unit=unit) for key, value in headers.items()}
        assert get(port, HOST, path.format(unit=unit), **sent) == (200, of(wanted, unit))
    assert get(port, HOST) == (200, "a"), "who says nothing is the control's"


def test_the_query_is_decoded(both, router, port):
    wanted = rollout("query:user")
    router.set_rollout("shop", wanted)
    units = [f"a b+ü{n}" for n in range(20)]
    answers = [get(port, HOST, f"/?user=a%20b%2B%C3%BC{n}")[1] for n in range(20)]
    assert answers == [of(wanted, unit) for unit in units]


def post(port, body, pieces=1, more=""):
    size = -(-len(body) // pieces)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(
            f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n".encode()
        )
        for start in range(0, len(body), size):
            client.sendall(body[start : start + size])
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    return answer.rpartition(b"\r\n\r\n")[2].decode()


def test_a_unit_in_a_json_body(both, router, port):
    wanted = rollout("json:$.user.id")
    router.set_rollout("shop", wanted)
    for unit in (one_of("a"), one_of("b")):
        body = json.dumps({"user": {"id": unit, "pad": "x" * 6000}}).encode()
        assert post(port, body) == post(port, body, pieces=3) == of(wanted, unit)
    long = json.dumps({"user": {"id": one_of("b")}, "pad": "x" * 40_000}).encode()
    assert post(port, long) == "a", "too long to be looked into"
    begun, waits = time.monotonic(), json.dumps({"user": {"id": one_of("b")}}).encode()
    assert post(port, waits, more="Expect: 100-continue\r\n") == "a"
    wide = "".join(f"X-Wide-{n}: {'x' * 1000}\r\n" for n in range(5))
    assert post(port, json.dumps({"user": {"id": one_of("b")}, "pad": "x" * 11_000}).encode(), more=wide) == "a"
    assert time.monotonic() - begun < 1, "nobody waits for what cannot come"
    assert post(port, b"not json") == "a"


def test_who_is_anonymous_gets_a_cookie_and_stays_where_it_leads(both, router, port):
    wanted = rollout("cookie:uid", anonymous=True)
    router.set_rollout("shop", wanted)
    seen = set()
    for _ in range(20):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/", headers={"Host": HOST})
        answer = connection.getresponse()
        variant, cookie = answer.read().decode(), answer.getheader("set-cookie")
        unit = re.fullmatch(r"twelve_unit=([0-9a-f-]{36}); Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax", cookie)[1]
        assert variant == of(wanted, unit)
        connection.request("GET", "/", headers={"Host": HOST, "Cookie": f"twelve_unit={unit}"})
        answer = connection.getresponse()
        assert (answer.read().decode(), answer.getheader("set-cookie")) == (variant, None)
        connection.close()
        seen.add(variant)
    assert seen == {"a", "b"}


def told(port, **headers):
    _, head = get(port, HOST, "/headers", **headers)
    lines = (line.partition(": ") for line in head.splitlines())
    return {name.lower(): value for name, _, value in lines if name.lower().startswith("x-twelve-")}


def test_the_app_hears_its_variant_and_nothing_that_a_client_made_up(both, port):
    spoofed = {"X-Twelve-Variant": "a", "x-twelve-experiment": "mine", "X-TWELVE-Other": "1"}
    unit = one_of("b")
    assert told(port, **spoofed, **{"X-User-Id": unit}) == {
        "x-twelve-experiment": "shop.1",
        "x-twelve-variant": "b",
        "x-twelve-release": "v13",
        "x-twelve-unit-hash": unit_hash("shop.1", unit),
        "x-twelve-phase": "1",
    }
    assert told(port, **spoofed) == {}


def test_the_answer_names_the_variant_also_when_the_control_stands_in(both, router, port):
    def named(**headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/", headers={"Host": HOST, **headers})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.headers.get_all("x-twelve-variant")

    assert named(**{"X-User-Id": one_of("a")}) == ["a"]
    assert named(**{"X-User-Id": one_of("b")}) == ["b"]
    assert named() is None
    router.remove("shop", both[1].backend.id)
    assert named(**{"X-User-Id": one_of("b")}) == ["b"]
    router.set_rollout("shop", None)
    assert named(**{"X-User-Id": one_of("b")}) is None


def lines(hub, count):
    eventually(lambda: len(hub.history("shop", 100_000, ROUTED)) >= count)
    return [line.text for line in hub.history("shop", 100_000, ROUTED)]


def test_the_log_tells_whom_a_unit_was_dealt_to_and_who_served_it(door, router, both, port):
    unit = one_of("b")
    given = "request-id-of-the-client"
    get(port, HOST, "/x", **{"X-User-Id": unit, "X-Request-Id": given})
    router.remove("shop", both[1].backend.id)
    assert get(port, HOST, "/y", **{"X-User-Id": unit}) == (200, "a")
    get(port, HOST, "/z")
    served, fallen_back, nobody = lines(door[2], 3)
    dealt = f"exp=shop.1 variant=b phase=1 bucket={bucket('shop.1', unit)} unit={unit_hash('shop.1', unit)}"
    assert f"host={HOST} request_id={given} " in served
    assert "dyno=web.10001 " in served
    assert served.endswith(f"tls=false {dealt} served=b")
    assert f'path="/y" host={HOST} ' in fallen_back
    assert "dyno=web.1 " in fallen_back
    assert fallen_back.endswith(f"tls=false {dealt} served=a")
    assert nobody.endswith("tls=false")


def test_one_release_alone_is_previewed(both, router, port):
    assert get(port, f"v13--{HOST}") == (200, "b")
    assert get(port, f"v12--{HOST}") == (200, "a")
    router.remove("shop", both[1].backend.id)
    assert get(port, f"v13--{HOST}")[0] == 503, "a preview is not answered for by the control"
    router.set_rollout("shop", None)
    assert "H31" in get(port, f"v13--{HOST}")[1]


def test_ramps_under_load_move_nobody_back(both, router, port):
    wanted = rollout(share=1000)
    router.set_rollout("shop", wanted)
    unit = one_of("b", wanted)
    before = deal(port, UNITS)
    with Load(port, HOST, rate=200, keep_alive=8, path="/", headers=f"X-User-Id: {unit}\r\n") as load:
        for phase in range(2, 12):
            wanted = replace(wanted, phase=phase, variants=ramp(wanted.variants, {"b": 900 * phase}))
            router.set_rollout("shop", wanted)
        eventually(lambda: load.sent >= 50)
    assert load.failures == []
    assert set(load.outcome.bodies) == {"b"}
    after = deal(port, UNITS)
    assert all(new == "b" for old, new in zip(before, after, strict=True) if old == "b")
    assert after == [of(wanted, unit) for unit in UNITS]


def test_units_stay_when_the_front_door_is_killed_and_when_a_server_takes_it_over(door, both, router, port):
    wanted = rollout()
    before = deal(port, UNITS)
    held = understand(router._admin.ask(READ_COMMANDS))
    assert held.routes["shop"] == router.routes()["shop"], "the next server reads all of it"
    pid = router.processes()[0].pid
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: (found := router.processes()) and found[0].pid != pid and get_or_none(port))
    assert deal(port, UNITS) == before == [of(wanted, unit) for unit in UNITS]


def get_or_none(port):
    try:
        return get(port, HOST)
    except OSError:
        return None


def test_the_last_process_of_a_variant_dying_loses_no_request_that_can_be_repeated(both, router, port):
    unit = one_of("b")
    with Load(port, HOST, rate=100, path="/slow", headers=f"X-User-Id: {unit}\r\n") as load:
        eventually(lambda: len(both[1].requests) >= 20)
        both[1].die()
        router.remove("shop", both[1].backend.id)  # as the platform does when it hears of it
        eventually(lambda: load.outcome.bodies["a"] >= 50)
    assert load.failures == []


def test_copies_go_to_the_shadow_and_nobody_waits_for_them(both, router, port, start):
    shadow = start("web.100001", "s")
    router.set_rollout("shop", rollout(shadow=14))
    router.switch("shop", [shadow.backend])
    assert get(port, HOST, "/x") == (200, "a")
    assert post(port, b"{}") == "a"
    eventually(lambda: "/x" in shadow.requests and "/" in shadow.requests)
    known = len(shadow.requests)
    post(port, b"x" * 20_000)
    assert len(shadow.requests) == known, "too long to be copied"
    assert sum(router.requests("shop")["shop"].total.values()) >= 3
    router.remove("shop", shadow.backend.id)
    assert get(port, HOST, "/y") == (200, "a")
