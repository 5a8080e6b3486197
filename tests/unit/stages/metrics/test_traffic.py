from datetime import UTC, datetime
from uuid import uuid4

import pytest

from twelve.core.model import Process, ProcessState
from twelve.core.policy.latency import quantile
from twelve.core.ports import ProcessEvent
from twelve.stages.metrics.restarts import Restarts
from twelve.stages.metrics.traffic import STEP, STEPS, Traffic


def raw(service=12, status=200, dyno="web.1", answer="-"):
    return f">p0000 {dyno} -- {answer} 0 {service} {status} 9 127.0.0.1 id - GET / HTTP/1.1 a.localhost -\n".encode()


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def traffic(clock):
    return Traffic(clock)


def test_an_app_without_requests_costs_nothing(traffic):
    assert traffic.latency("a").count == traffic.recent("a").count == 0
    assert traffic.unserved("a") == {}


@pytest.mark.parametrize("lines", [1, 7, 8, 9, 450])
def test_the_sample_stands_for_all_lines(traffic, lines):
    traffic.observe("a", raw(25) * lines)
    assert traffic.latency("a").count == lines
    assert traffic.latency("a").total == 25 * lines
    assert quantile(traffic.latency("a"), 0.5) == pytest.approx(25, abs=1)


def test_a_sample_of_many_chunks_gives_the_right_quantiles(traffic):
    for _ in range(200):
        traffic.observe("a", b"".join(raw(time) for time in range(100)))
    assert traffic.latency("a").count == 20_000
    assert quantile(traffic.latency("a"), 0.5) == pytest.approx(50, abs=4)
    assert quantile(traffic.latency("a"), 0.95) == pytest.approx(95, abs=3)


def test_only_the_last_minute_is_recent(traffic, clock):
    traffic.observe("a", raw(10) * 4)
    clock.now += STEP * STEPS / 2
    traffic.observe("a", raw(500))
    assert (traffic.recent("a").count, traffic.latency("a").count) == (5, 5)
    clock.now += STEP * STEPS / 2 + STEP
    assert (traffic.recent("a").count, traffic.latency("a").count) == (1, 5)
    clock.now += 3600
    assert traffic.recent("a").count == 0


def test_processes_are_told_apart_and_forgotten_a_minute_after_their_last_request(traffic, clock):
    traffic.observe("a", raw(10) * 2 + raw(700, dyno="web.2"))
    traffic.observe("a", raw(20, dyno="web.1:"))  # the other web.1 of a rollout
    found = traffic.recent_by_process("a")
    assert {name: one.count for name, one in found.items()} == {"web.1": 3, "web.2": 1}
    assert quantile(found["web.2"], 0.5) == pytest.approx(700, rel=0.05)
    clock.now += STEP * STEPS
    assert traffic.recent_by_process("a")["web.2"].count == 0
    traffic.observe("a", raw(10, dyno="web.3"))
    assert traffic.recent_by_process("a").keys() == {"web.3"}
    assert traffic.recent_by_process("nobody") == {}


def test_pages_count_apart_and_have_no_time(traffic):
    traffic.observe("a", raw() + raw(-1, 503, "<NOSRV>", "crashed") * 3)
    assert traffic.latency("a").count == 1
    assert traffic.unserved("a") == {"5xx": 3}


def test_a_forgotten_app_begins_again(traffic):
    traffic.observe("a", raw())
    traffic.forget("a")
    traffic.forget("never seen")
    assert traffic.latency("a").count == 0


def event(process, kind, delay=None):
    return ProcessEvent(process, kind, 1, delay)


def process(app, name="web", number=1):
    now = datetime.now(UTC)
    return Process(uuid4(), app, "a", name, number, uuid4(), 1, "x", ProcessState.UP, "standard-1x", now, now)


def test_restarts_are_counted_by_place_over_releases():
    restarts, app = Restarts(), uuid4()
    for delay in (0.0, 1.0):
        restarts.observe(event(process(app), "exited", delay))
    restarts.observe(event(process(app, "worker", 2), "exited", 0.0))
    restarts.observe(event(process(app), "exited"))  # it was stopped, or ran once
    restarts.observe(event(process(app), "up"))
    assert restarts.of(app) == {"web.1": 2, "worker.2": 1}
    restarts.forget(app)
    assert restarts.of(app) == restarts.of(uuid4()) == {}
