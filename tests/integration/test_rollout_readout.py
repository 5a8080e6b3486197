"""Rollouts of a real app on a real platform: what is worse is stopped, what is equal goes on, and the counts are right."""

import http.client
import time
from collections import Counter

import pytest

from tests.support.live import FIXTURES, running, wait_for
from twelve.core.policy import assign

pytestmark = pytest.mark.integration

UNIT = ("--unit", "header:X-User-Id")


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with running(tmp_path_factory.mktemp("readout") / "home") as live:
        yield live


def deployed(live, app, **treatment):
    """v1 serves; v2 waits to be a treatment."""
    live.up(FIXTURES / "shop", app)
    live.cli("config", "set", *(f"{key}={value}" for key, value in treatment.items()), "--candidate", "--app", app)


def visit(live, app, users):
    """One request each, over one connection; how many were answered with which status."""
    answers = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", live.router_port, timeout=30)
    for user in users:
        connection.request("GET", "/", headers={"Host": f"{app}.localhost", "X-User-Id": user})
        answer = connection.getresponse()
        answer.read()
        answers[answer.status] += 1
    connection.close()
    return answers


def names(count, start=0):
    return [f"user-{number}" for number in range(start, start + count)]


def status(live, app):
    return live.json("rollout", "status", "--app", app)


def seen(live, app, what):
    return {one["name"]: one[what] for one in status(live, app)["readout"]["variants"]}


def expected(document, users):
    """Who is whose by the formula, with a half for each."""
    salt = document["experiment"]
    return Counter("b" if assign.bucket(salt, user) < 5000 else "a" for user in users)


def test_a_tripwire_stops_a_treatment_that_fails(live):
    deployed(live, "broken", FAIL=100)
    live.cli("rollout", "start", "v1=50", "v2=50", *UNIT, "--app", "broken")
    visit(live, "broken", names(60))
    begun = time.monotonic()
    wait_for(lambda: status(live, "broken")["status"] == "aborted", "the end of it", 20)
    assert time.monotonic() - begun < 15
    assert "tripwire: b (v2)" in status(live, "broken")["reason"]
    assert visit(live, "broken", names(60)) == {200: 60}
    said = live.cli("logs", "--app", "broken", "-n", "1500").stdout
    assert '"event":"experiment"' in said
    assert '"action":"tripwire"' in said
    assert '"action":"abort"' in said


def test_a_worse_treatment_is_aborted_and_an_equal_one_goes_on(live):
    deployed(live, "worse", CLICKS=8)
    deployed(live, "equal", CLICKS=20)
    metric = ("--metric", "click", "--once", "--window", "1s", "--set", "settle=1")
    for app in ("worse", "equal"):
        live.cli("rollout", "start", "v1=50", "v2=50", *UNIT, *metric, "--app", app)
    users = names(1200)
    for app in ("worse", "equal"):
        assert visit(live, app, users) == {200: 1200}
    wait_for(lambda: status(live, "worse")["status"] == "aborted", "the end of it", 60)
    assert "click of b is worse" in status(live, "worse")["reason"]
    told = status(live, "equal")
    assert told["status"] == "running"
    wait_for(lambda: sum(seen(live, "equal", "closed").values()) == 1200, "that all windows have closed", 30)
    readout = status(live, "equal")["readout"]
    assert readout["verdict"] == "running"
    assert readout["srm"]["p"] > 0.001
    assert {one["name"]: one["units"] for one in readout["variants"]} == expected(told, users)
    assert {one["name"]: one["requests"] for one in readout["variants"]} == expected(told, users)
    assert readout["effects"][0]["low"] < 0 < readout["effects"][0]["high"]
    shown = live.cli("rollout", "status", "--app", "equal").stdout
    assert "The split is" in shown
    assert "however often you look" in shown


def test_a_server_that_is_killed_forgets_nobody(live):
    """While it is away the front door goes on, and its lines wait."""
    told = status(live, "equal")
    before = seen(live, "equal", "requests")
    users = names(400, start=5000)
    visit(live, "equal", users[:200])
    live.kill_server()
    visit(live, "equal", users[200:])
    live.serve()
    wanted = expected(told, [*names(1200), *users])
    wait_for(lambda: seen(live, "equal", "units") == wanted, f"{wanted} units", 30)
    more = {name: count - before[name] for name, count in seen(live, "equal", "requests").items()}
    assert more == expected(told, users)
