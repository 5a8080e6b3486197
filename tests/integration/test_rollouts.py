"""Rollouts of a real app on a real platform: the split, sticky over deaths, ramps one way, and no request lost."""

import itertools
import json
import math
import os
import signal
import socket
from collections import Counter

import pytest

from tests.support.live import FIXTURES, running, wait_for
from tests.support.load import Load
from twelve.core.model.rollout import Variant
from twelve.core.policy.assign import assigned, ramp

pytestmark = pytest.mark.integration

UNIT = ("--unit", "header:X-User-Id")
numbers = itertools.count(1)
UNITS = [f"user-{number}" for number in range(10_000)]
SOME = UNITS[:600]


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with running(tmp_path_factory.mktemp("rollouts") / "home") as live:
        yield live


@pytest.fixture
def shop(live):
    """v1 says "hello 1" and serves; v2, a candidate, says "new 1"."""
    name = f"shop-{next(numbers)}"
    live.up(FIXTURES / "hello", name)
    live.cli("config", "set", "GREETING=new", "--candidate", "--app", name)
    yield name
    live.cli("apps", "destroy", name, "--confirm", name, ok=False)


def deal(live, app, units):
    """Who answered each unit, "a" or "b", over one connection."""
    found = []
    with socket.create_connection(("127.0.0.1", live.router_port), timeout=30) as client:
        for unit in units:
            client.sendall(f"GET / HTTP/1.1\r\nHost: {app}.localhost\r\nX-User-Id: {unit}\r\n\r\n".encode())
            answer = b""
            while not answer.endswith(b" 1\n"):
                answer += client.recv(4096)
            found.append("b" if answer.endswith(b"\r\nnew 1\n") else "a")
    return found


def of(app, units, share, iteration=1):
    variants = ramp((Variant("a", 1), Variant("b", 2)), {"b": share})
    return [assigned(variants, f"{app}.{iteration}", unit).name for unit in units]


def begin(live, app, percent):
    live.cli("rollout", "start", f"v1={100 - percent}", f"v2={percent}", *UNIT, "--app", app)


def load_of(live, app, variant, share, **options):
    """Requests of one unit that is dealt to `variant`."""
    unit = UNITS[of(app, UNITS, share).index(variant)]
    return Load(live.router_port, f"{app}.localhost", headers=f"X-User-Id: {unit}\r\n", **options)


def named(live, app):
    return {one["name"]: one for one in live.processes(app)}


def test_ten_thousand_units_are_split_by_weight_and_a_ramp_moves_nobody_back(live, shop):
    begin(live, shop, 10)
    before = deal(live, shop, UNITS)
    assert before == of(shop, UNITS, 1000)
    assert abs(before.count("b") - 1000) < 2.576 * math.sqrt(10_000 * 0.1 * 0.9), "the 99 % binomial interval"
    live.cli("rollout", "ramp", "v2=30", "--app", shop)
    after = deal(live, shop, UNITS[:3000])
    moved = Counter(zip(before, after, strict=False))
    assert moved["b", "a"] == 0
    assert moved["a", "b"] > 400
    [lines] = [live.cli("logs", "--app", shop, "-n", "3", "--source", "router").stdout]
    assert f"exp={shop}.1 variant=" in lines
    assert "phase=2" in lines


def test_a_unit_stays_when_the_front_door_or_the_server_is_killed(live, shop):
    begin(live, shop, 40)
    before, processes = deal(live, shop, SOME), named(live, shop)
    assert before == of(shop, SOME, 4000)
    [door] = [one["pid"] for one in live.json("status")["processes"] if one["role"] == "front door"]
    os.kill(door, signal.SIGKILL)
    wait_for(lambda: answers(live, shop), "the front door")
    assert deal(live, shop, SOME) == before
    live.kill_server()
    assert deal(live, shop, SOME) == before, "nobody is needed for it"
    live.serve()
    assert deal(live, shop, SOME) == before
    after = named(live, shop)
    assert {name: one["pid"] for name, one in after.items()} == {name: one["pid"] for name, one in processes.items()}
    assert after["web.10001"]["variant"] == "b"
    live.cli("rollout", "ramp", "v2=60", "--app", shop)
    assert deal(live, shop, SOME) == of(shop, SOME, 6000)


def answers(live, app):
    try:
        return live.get(app).status == 200
    except OSError:
        return False


def test_all_processes_of_a_variant_dying_fails_no_request(live, shop):
    begin(live, shop, 50)
    with load_of(live, shop, "b", 5000, rate=100) as load:
        wait_for(lambda: load.outcome.bodies["new 1\n"] >= 20, "requests of the treatment")
        for _ in range(3):
            os.kill(wait_for(lambda: named(live, shop).get("web.10001", {}).get("pid"), "its process"), signal.SIGKILL)
            wait_for(lambda: load.outcome.bodies["hello 1\n"] >= 1, "the control to answer")
            load.outcome.bodies.clear()
            wait_for(lambda: load.outcome.bodies["new 1\n"] >= 5, "the treatment to come back", 30)
            load.outcome.bodies.clear()
    assert load.failures == []
    lines = live.cli("logs", "--app", shop, "-n", "1500", "--source", "router").stdout
    assert "variant=b phase=1" in lines
    assert "served=a" in lines


def test_no_request_is_lost_from_start_to_promote(live, shop):
    with (
        load_of(live, shop, "b", 5000, rate=60, keep_alive=4) as treated,
        load_of(live, shop, "a", 9000, rate=60) as control,
    ):
        begin(live, shop, 10)
        live.cli("rollout", "ramp", "v2=50", "--app", shop)
        live.cli("scale", "web=2", "--app", shop)
        live.cli("restart", "--app", shop)
        assert sorted(named(live, shop)) == ["web.1", "web.10001", "web.2"]
        live.cli("rollout", "ramp", "v2=90", "--app", shop)
        assert {one["variant"] for one in live.processes(shop)} == {"a", "b"}
        treated.outcome.bodies.clear()
        wait_for(lambda: treated.outcome.bodies["new 1\n"] >= 20, "the treatment's answers")
        refused = live.cli("config", "set", "X=1", "--app", shop, ok=False)
        assert (refused.returncode, "Promote or abort it first" in refused.stderr) == (4, True)
        live.cli("rollout", "promote", "--app", shop)
        control.outcome.bodies.clear()
        treated.outcome.bodies.clear()
        wait_for(lambda: control.outcome.bodies["new 1\n"] >= 20, "everybody has the new one")
        live.cli("rollback", "--app", shop)
        wait_for(lambda: control.outcome.bodies["hello 1\n"] >= 20, "the control's release again")
    assert treated.failures == control.failures == []
    assert sorted(named(live, shop)) == ["web.1", "web.2"]
    assert {one["variant"] for one in live.processes(shop)} == {None}
    releases = {one["version"]: one["description"] for one in live.json("releases", "--app", shop)}
    assert (releases[3], releases[4]) == ("Promote v2", "Rollback to v1"), "not to the candidate"


def events(live, app):
    lines = live.cli("logs", "--app", app, "-n", "1500").stdout.splitlines()
    found = [json.loads(line[line.index("{") :]) for line in lines if '"event":"experiment"' in line]
    return [one["action"] for one in found]


def test_an_abort_gives_everything_back_and_loses_nothing(live, shop):
    with load_of(live, shop, "b", 9000, rate=100, keep_alive=4) as load:
        begin(live, shop, 90)
        wait_for(lambda: load.outcome.bodies["new 1\n"] >= 20, "the treatment's answers")
        live.cli("rollout", "abort", "--reason", "too slow", "--app", shop)
        load.outcome.bodies.clear()
        wait_for(lambda: load.outcome.bodies["hello 1\n"] >= 20, "the control's answers")
        assert not load.outcome.bodies["new 1\n"]
        begin(live, shop, 90)
        wait_for(lambda: set(deal(live, shop, SOME)) == {"a", "b"}, "another iteration")
        assert deal(live, shop, SOME) == of(shop, SOME, 9000, iteration=2)
        live.cli("rollback", "v1", "--app", shop)
    assert load.failures == []
    listed = [(one["salt"], one["status"], one["reason"]) for one in live.json("rollout", "list", "--app", shop)]
    assert listed == [(f"{shop}.1", "aborted", "too slow"), (f"{shop}.2", "aborted", "Rollback to v1")]
    assert sorted(named(live, shop)) == ["web.1"]


def test_a_treatment_that_does_not_come_up_is_no_rollout(live, shop):
    live.cli("up", str(FIXTURES / "crasher"), "--candidate", "--app", shop)
    failed = live.cli("rollout", "start", "v3=50", *UNIT, "--app", shop, ok=False)
    assert failed.returncode == 62
    assert live.json("rollout", "list", "--app", shop) == []
    assert sorted(named(live, shop)) == ["web.1"]
    assert live.get(shop).status == 200


def test_down_and_up_brings_back_a_rollout(live, shop):
    begin(live, shop, 30)
    live.cli("stop", "--app", shop)
    assert live.processes(shop) == []
    live.cli("start", "--app", shop)
    assert sorted(named(live, shop)) == ["web.1", "web.10001"]
    assert deal(live, shop, SOME) == of(shop, SOME, 3000)


def test_one_rollout_at_a_time_and_the_log_tells_its_steps(live, shop):
    begin(live, shop, 30)
    second = live.cli("rollout", "start", "v2=50", *UNIT, "--app", shop, ok=False)
    assert (second.returncode, "is running" in second.stderr) == (4, True)
    live.cli("rollout", "ramp", "v2=50", "--app", shop)
    live.cli("rollout", "promote", "--app", shop)
    assert events(live, shop) == ["start", "ramp", "promote"]
