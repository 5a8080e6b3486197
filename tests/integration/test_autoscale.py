"""Autoscale on a real app under real load, and what a person can say to it."""

import contextlib
import re
import threading

import pytest

from tests.support.live import FIXTURES, Live, free_port, running, wait_for
from tests.support.load import Load
from twelve.core.policy.autoscale import Pace
from twelve.faces.api.server import Server
from twelve.first import First
from twelve.flow import start
from twelve.flow.autoscaler import Autoscaler
from twelve.infra.settings import Settings
from twelve.wiring import Wiring

pytestmark = pytest.mark.integration

QUICK = Pace(sample=0.5, settle=0.5, quiet=3.0, step=1.0, few=5)


@contextlib.contextmanager
def platform_here(home, pace):
    """A platform in this process, so that its autoscaler is the test's own; everything else is as ever."""
    settings = Settings(home=home, api_port=free_port(), router_port=free_port())
    settings.make_directories()
    server = Server.bind(settings)
    wired = Wiring(settings, First(settings))
    wired.autoscaler = Autoscaler(wired.platform, pace)
    start.start(wired.platform)
    listening = threading.Event()
    serving = threading.Thread(target=server.serve, args=[wired.platform], kwargs={"on_listening": listening.set})
    serving.start()
    wired.scheduler.start()
    wired.autoscaler.start()
    live = Live(home, settings.api_port, settings.router_port)
    try:
        assert listening.wait(20)
        yield live
    finally:
        live.cli("down", ok=False)
        serving.join(30)
        server.close()
        wired.autoscaler.close()
        wired.scheduler.close()
        start.stop(wired.platform)
        wired.stop()


def quantity(live, app="one"):
    return live.json("scale", "--app", app)[0]["quantity"]


def up_and_back(live, target, reason):
    live.up(FIXTURES / "onebyone", "one")
    live.cli("scale", "web=1..3", *target, "--app", "one")
    with Load(live.router_port, "one.localhost", rate=30) as load:
        wait_for(lambda: quantity(live) > 1, "more processes", 120)
        wait_for(lambda: len([p for p in live.processes("one") if p["state"] == "up"]) > 1, "that they are up", 120)
    assert load.failures == []
    wait_for(lambda: quantity(live) == 1, "fewer processes again", 120)
    said = live.cli("logs", "--app", "one", "-n", "1500", "--source", "app").stdout
    assert re.search(rf"app\[api\]: Scaled to web@[23]:Standard-1X by autoscale \({reason}\)", said), said
    assert re.search(r"app\[api\]: Scaled to web@1:Standard-1X by autoscale \(", said), said
    assert quantities_told(said) <= {1, 2, 3}


def quantities_told(said):
    return {int(number) for number in re.findall(r"Scaled to web@(\d+):\S+ by autoscale", said)}


def test_latency_over_the_target_starts_processes_and_calm_ends_them(tmp_path):
    with platform_here(tmp_path / "home", QUICK) as live:
        up_and_back(live, ["--p95", "150ms"], r"p95 \d+ ms > 150 ms")


def test_so_does_a_queue(tmp_path):
    with platform_here(tmp_path / "home", QUICK) as live:
        up_and_back(live, ["--queue", "4"], r"[\d.]+ open requests a process > 4")


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with running(tmp_path_factory.mktemp("autoscale") / "home") as live:
        live.up(FIXTURES / "two-procs", "pair")
        yield live


def entry(live, kind="web"):
    return next(one for one in live.json("scale", "--app", "pair") if one["type"] == kind)


def test_a_range_is_kept_until_somebody_gives_a_number(live):
    live.cli("scale", "web=2..3", "worker=1", "--p95", "1.5s", "--app", "pair")
    wish = {"min": 2, "max": 3, "p95_ms": 1500, "queue": None}
    assert (entry(live)["quantity"], entry(live)["autoscale"]) == (2, wish)
    assert (entry(live, "worker")["quantity"], entry(live, "worker")["autoscale"]) == (1, None)
    assert "2..3 by p95 1500 ms" in live.cli("scale", "--app", "pair").stdout
    assert "web is autoscaled: 2..3 by p95 1500 ms" in live.cli("ps", "--app", "pair").stdout
    live.up(FIXTURES / "two-procs", "pair")
    assert entry(live)["autoscale"] == wish, "a deploy keeps it"
    live.kill_server()
    live.up(FIXTURES / "hello", "other")
    assert entry(live)["autoscale"] == wish, "the next server keeps it"
    live.cli("scale", "web=:standard-2x", "--app", "pair")
    assert entry(live)["autoscale"] == wish, "another size keeps it"
    live.cli("scale", "web=1", "--app", "pair")
    assert (entry(live)["quantity"], entry(live)["autoscale"]) == (1, None)
    said = live.cli("logs", "--app", "pair", "-n", "500").stdout
    assert "Autoscale of web turned off by user" in said


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["web=8..2", "--p95", "300ms"], 2, "The range 8..2 is backwards. Write 2..8."),
        (["web=0..2", "--p95", "300ms"], 2, "The range 0..2 is not within 1..999."),
        (["web=2..8"], 2, "Autoscale needs one target"),
        (["web=2..8", "--p95", "300ms", "--queue", "3"], 2, "Autoscale needs one target"),
        (["web=2..8", "--p95", "300"], 2, '"300" is not a length of time with its unit. Write 300ms or 300s.'),
        (["web=3", "--p95", "300ms"], 2, "--p95 and --queue need a range to choose from."),
        (["--queue", "3"], 2, "--p95 and --queue need a range to choose from."),
        (["nothing=2..8", "--p95", "300ms"], 3, "Couldn't find that process type (nothing)."),
        (["worker=2..8", "--queue", "3"], 2, "worker cannot be autoscaled: only the requests of web are measured."),
        (["web=2..", "--p95", "300ms"], 2, '"web=2.." does not say what to scale.'),
    ],
)
def test_what_makes_no_sense_ends_in_one_sentence_and_changes_nothing(live, words, code, text):
    before = live.json("scale", "--app", "pair")
    done = live.cli("scale", *words, "--app", "pair", ok=False)
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert live.json("scale", "--app", "pair") == before
