"""Metrics of a real platform: what is counted, what it costs, and what `top` shows."""

import os
import pty
import re
import select
import signal
import time
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.live import FIXTURES, running, wait_for

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with running(tmp_path_factory.mktemp("metrics") / "home") as live:
        live.up(FIXTURES / "slow", "slow")
        yield live


def metrics(live, app="slow"):
    return live.json("top", "--app", app)["apps"][0]


def scrape(live):
    token = (live.home / "token").read_text().strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{live.api_port}/metrics", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read().decode()
    return [one for family in text_string_to_metric_families(text) for one in family.samples]


def total(live, kind="2xx"):
    return metrics(live)["requests"]["by_status"][kind]


def test_requests_count_exactly_over_a_scale_a_restart_and_a_new_server(live):
    before = total(live)
    for _ in range(5):
        assert live.get("slow", "/?seconds=0").status == 200
    wait_for(lambda: total(live) == before + 5, "five requests on the counter")
    live.cli("scale", "web=2", "--app", "slow")
    live.cli("restart", "--app", "slow")
    live.cli("scale", "web=1", "--app", "slow")
    assert total(live) == before + 5
    assert live.get("slow", "/?seconds=0").status == 200
    wait_for(lambda: total(live) == before + 6, "one more")
    live.kill_server()
    live.up(FIXTURES / "hello", "hello")
    assert total(live) == before + 6, "the front door went on counting"


def test_latency_processor_and_memory_are_those_of_the_app(live):
    for _ in range(4):
        live.get("slow", "/?seconds=0.2")
    found = wait_for(lambda: (m := metrics(live))["latency_ms"]["requests"] >= 4 and m, "their times")
    assert 190 <= found["latency_ms"]["p99"] <= 400
    (web,) = found["processes"]
    assert 4 << 20 < web["memory_bytes"] < 100 << 20
    assert 0 < web["cpu_seconds"] < 60
    assert time.time() - 600 < web["started_at"] < time.time()


def test_the_figures_are_those_of_the_whole_tree(live):
    live.cli("run", "--app", "slow", "--detach", "--", "python -c 'b=bytearray(80<<20); import time; time.sleep(60)'")
    big = wait_for(
        lambda: next((p for p in metrics(live)["processes"] if p["type"] == "run" and p["memory_bytes"] > 80 << 20), 0),
        "the memory of a child of the sandbox",
    )
    live.cli("stop", big["name"], "--app", "slow")


def test_a_crash_counts_as_a_restart(live):
    pid = live.processes("slow")[0]["pid"]
    os.kill(pid, signal.SIGKILL)
    found = wait_for(lambda: (m := metrics(live))["restarts"] == 1 and m, "the restart")
    wait_for(lambda: live.processes("slow")[0]["state"] == "up", "the process is back")
    assert found["processes"][0]["restarts"] == 1


def test_prometheus_gets_apps_and_platform(live):
    assert live.get("slow", "/?seconds=0").status == 200
    wait_for(lambda: answered(scrape(live)) >= 1, "the request of web.1")
    samples = scrape(live)
    names = {one.name for one in samples}
    assert {"twelve_app_requests_total", "twelve_request_duration_seconds_bucket", "twelve_process_up"} <= names
    own = {one.labels["process"]: one.value for one in samples if one.name == "twelve_platform_process_memory_bytes"}
    assert {"server", "haproxy", "postgres"} <= own.keys()
    assert sum(own.values()) < 200 << 20


def answered(samples):
    labels = {"app": "slow", "process": "web.1", "code_class": "2xx"}
    return sum(s.value for s in samples if s.name == "twelve_process_requests_total" and s.labels == labels)


def test_top_prints_once_where_nobody_watches(live):
    shown = live.cli("top").stdout
    assert re.search(r"^NAME +CPU +MEMORY +REQ/S", shown, re.MULTILINE)
    assert re.search(r"^slow .*\d+M", shown, re.MULTILINE)
    assert re.search(r"^  postgres .*\d+M", shown, re.MULTILINE)
    assert "\x1b" not in shown
    only = live.cli("top", "--app", "slow", "--once").stdout
    assert "postgres" not in only
    assert live.cli("top", "--app", "nobody", ok=False).returncode == 3


@pytest.mark.parametrize("key", [b"q", b"\x03"])
def test_top_on_a_terminal_ends_with_q_or_ctrl_c_and_leaves_it_as_it_was(live, key):
    pid, terminal = pty.fork()
    if pid == 0:
        words = live.command("top")
        os.execvpe(words[0], words, live.environ | {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"})
    try:
        shown = read_until(terminal, b"REQ/S")
        os.write(terminal, key)
        shown += read_until(terminal, None)
    finally:
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, shown
    assert shown.count(b"\x1b[?1049h") == shown.count(b"\x1b[?1049l") == 1
    assert shown.index(b"\x1b[?25l") < shown.index(b"\x1b[?25h")
    assert b"Traceback" not in shown


def read_until(terminal, wanted):
    """What is shown up to there; without it, to the end."""
    shown = b""
    while wanted is None or wanted not in shown:
        ready, _, _ = select.select([terminal], [], [], 30)
        assert ready, shown
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # its process has ended
            return shown
    return shown
