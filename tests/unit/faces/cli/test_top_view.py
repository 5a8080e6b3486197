import re

import click
import pytest

from twelve.faces.cli.top_view import age, fitting, lines, milliseconds, size, summary, taken


def requests(total=0, errors=0):
    return {"total": total, "by_status": {"2xx": total - errors, "5xx": errors}, "open": 0}


def process(name="web.1", cpu=1.0, total=0, errors=0, memory=34 << 20, started=900.0, state="up"):
    return {
        "id": name,
        "name": name,
        "type": name.partition(".")[0],
        "state": state,
        "size": "standard-1x",
        "cpu_seconds": cpu,
        "memory_bytes": memory,
        "memory_quota_bytes": 512 << 20,
        "restarts": 2,
        "requests": requests(total, errors),
        "latency_ms": {"requests": total, "p50": None, "p95": 55.0, "p99": None},
        "started_at": started,
    }


def document(time=1000.0, *, processes=(), total=0, errors=0, name="notes", platform=()):
    latency = {"requests": total, "p50": 0.4, "p95": 412.3, "p99": 12_345.0}
    app = {
        "app": {"id": "a1", "name": name},
        "requests": requests(total, errors),
        "latency_ms": latency,
        "cpu_seconds": sum(one["cpu_seconds"] for one in processes),
        "memory_bytes": sum(one["memory_bytes"] for one in processes),
        "restarts": 2,
        "processes": list(processes),
    }
    return {"time": time, "apps": [app], "platform": list(platform)}


def shown(now, before, width=140):
    return [click.unstyle(line) for line in lines(now, before, width)]


def cells(line):
    return line.split()


def test_rates_are_what_came_between_two_looks():
    before = document(1000.0, processes=[process(cpu=1.0, total=100, errors=1)], total=100, errors=1)
    now = document(1002.0, processes=[process(cpu=2.5, total=300, errors=4)], total=300, errors=4)
    head, app, web = shown(now, before)
    assert cells(head) == ["NAME", "CPU", "MEMORY", "REQ/S", "P50", "P95", "P99", "5XX/S", "RESTARTS", "SINCE"]
    assert cells(app) == ["notes", "75.0%", "34M", "100", "<1ms", "412ms", "12s", "1.5", "2"]
    assert cells(web) == ["web.1", "75.0%", "34M/512M", "100", "55ms", "1.5", "2", "1m"]


def test_the_first_look_knows_no_rates():
    only = document(processes=[process()], total=5)
    _, app, web = shown(only, only)
    assert cells(app) == ["notes", "34M", "<1ms", "412ms", "12s", "2"]
    assert cells(web) == ["web.1", "34M/512M", "55ms", "2", "1m"]


def test_a_process_that_began_again_used_only_what_it_has_used_since():
    before = document(1000.0, processes=[process(cpu=60.0, started=100.0)])
    now = document(1002.0, processes=[process(cpu=1.0, started=1001.0)])
    assert cells(shown(now, before)[2])[1] == "50.0%"


def test_a_process_that_is_not_up_shows_its_state_instead_of_an_age():
    one = document(processes=[process(state="crashed", started=None)])
    assert shown(one, one)[2].endswith("crashed")


def test_what_is_wrong_is_red():
    before = document(1000.0, processes=[process(memory=500 << 20)])
    now = document(1001.0, processes=[process(memory=500 << 20, errors=2, total=2)], total=2, errors=2)
    _, app, web = lines(now, before, 140)
    red = re.compile(r"\x1b\[31m *([^\x1b]+)\x1b")
    assert red.findall(app) == ["2.0"]
    assert red.findall(web) == ["500M/512M", "2.0"]


@pytest.mark.parametrize("width", [60, 72, 80, 100, 140, 300])
def test_no_line_is_wider_than_the_terminal(width):
    platform = [{"name": "postgres", "pid": 9, "cpu_seconds": 1.0, "memory_bytes": 31 << 20, "started_at": 1.0}]
    now = document(processes=[process()], name="a-name-of-thirty-characters-at-l", platform=platform)
    assert all(len(line) <= width for line in shown(now, now, width))


def test_at_80_columns_all_but_one_column_is_there():
    assert "P50" not in fitting(80)
    assert {"CPU", "MEMORY", "REQ/S", "P95", "P99", "5XX/S", "RESTARTS", "SINCE"} <= set(fitting(80))
    assert taken(fitting(80)) <= 64


def test_the_summary_counts_everything():
    platform = [{"name": "server", "pid": 1, "cpu_seconds": 1.0, "memory_bytes": 80 << 20, "started_at": 1.0}]
    before = document(1000.0, total=0, processes=[process()], platform=platform)
    now = document(1002.0, total=84, processes=[process()], platform=platform)
    assert re.fullmatch(r"\d\d:\d\d:\d\d  1 app  1 process  42 req/s  platform 80M  all 114M", summary(now, before))
    assert summary(now | {"platform": []}, before).endswith("  42 req/s  all 34M")


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0K"), (970_000, "947K"), (34 << 20, "34M"), (1 << 30, "1G"), (1_300_000_000, "1.2G")]
)
def test_sizes(count, text):
    assert size(count) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (0.2, "<1ms"), (34.4, "34ms"), (1234, "1.2s"), (30_000, "30s")]
)
def test_times(value, text):
    assert milliseconds(value) == text


@pytest.mark.parametrize(
    ("ago", "text"), [(0, "0s"), (59, "59s"), (61, "1m"), (7200, "2h"), (200_000, "2d"), (-3, "0s")]
)
def test_ages(ago, text):
    assert age(1000.0 - ago, 1000.0) == text
