"""The range in the API, and the autoscaler on a platform whose clock and traffic the test makes."""

import re
import threading
from dataclasses import replace

import pytest

from tests.support.live import wait_for
from twelve.core.model import Autoscale
from twelve.core.policy.autoscale import Pace
from twelve.flow.autoscaler import Autoscaler
from twelve.flow.scale import scale_by_itself

pytestmark = pytest.mark.integration
RANGE = {"min": 1, "max": 4, "p95_ms": 100}
SLOW = b">p0000 web.1 -- - 0 900 200 9 127.0.0.1 id - GET / HTTP/1.1 a.localhost -\n" * 50


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def autoscaler(api, clock):
    return Autoscaler(api.platform, Pace(), clock)


@pytest.fixture
def ranged(api, deployed):
    api.lenient("PATCH", f"/apps/{deployed}/formation/web", {"autoscale": RANGE})
    yield deployed
    api.lenient("PATCH", f"/apps/{deployed}/formation/web", {"autoscale": None})


def web(api, app):
    return api.get(f"/apps/{app}/formation/web")


def pass_slowly(api, autoscaler, clock, app, looks):
    for _ in range(looks):
        api.platform.traffic.observe(app, SLOW)
        clock.now += 10.0
        autoscaler.tick()


def test_a_range_is_shown_and_kept_with_the_size_and_ended_by_a_number(api, ranged):
    assert web(api, ranged)["autoscale"] == RANGE | {"queue": None}
    assert api.patch(f"/apps/{ranged}/formation/web", {"size": "standard-2x"})["autoscale"] is not None
    assert api.patch(f"/apps/{ranged}/formation/web", {"quantity": 2})["autoscale"] is None


def test_null_ends_it_and_leaves_the_quantity(api, deployed):
    range_ = {"min": 2, "max": 4, "queue": 5}
    changed = api.lenient("PATCH", f"/apps/{deployed}/formation", {"updates": [{"type": "web", "autoscale": range_}]})
    assert (changed[0]["quantity"], changed[0]["autoscale"]) == (2, range_ | {"p95_ms": None})
    ended = api.lenient("PATCH", f"/apps/{deployed}/formation/web", {"autoscale": None})
    assert (ended["quantity"], ended["autoscale"]) == (2, None)


@pytest.mark.parametrize(
    "wish",
    [
        "2..8",
        {"min": 1},
        {"min": 1, "max": 3},
        {"min": "1", "max": 3, "queue": 2},
        {"min": True, "max": 3, "queue": 2},
        {"min": 1, "max": 3, "p95_ms": 1.5},
        {"min": 3, "max": 1, "queue": 2},
    ],
)
def test_a_bad_range_is_refused(api, deployed, wish):
    problem = api.call("PATCH", f"/apps/{deployed}/formation/web", 422, json={"autoscale": wish}).json()
    assert problem["id"] == "invalid_params"
    assert web(api, deployed)["autoscale"] is None


def test_slow_answers_start_processes_and_the_log_says_why(api, ranged, autoscaler, clock):
    autoscaler.tick()
    pass_slowly(api, autoscaler, clock, ranged, 3)
    wait_for(lambda: web(api, ranged)["quantity"] == 2, "another process")
    wait_for(lambda: len(api.get(f"/apps/{ranged}/dynos")) == 2, "that it runs")
    (line,) = [line.text for line in api.platform.logs.history(ranged, 100) if "by autoscale" in line.text]
    assert re.fullmatch(r"Scaled to web@2:Standard-1X by autoscale \(p95 89\d ms > 100 ms\)", line)
    assert web(api, ranged)["autoscale"] == RANGE | {"queue": None}


def test_nothing_happens_while_a_deploy_holds_the_app_and_it_looks_anew_afterwards(api, ranged, autoscaler, clock):
    app = api.platform.apps.get(ranged)
    autoscaler.tick()
    with api.platform.database.lock(app.id, "release"):
        pass_slowly(api, autoscaler, clock, ranged, 5)
        wait_for(lambda: not autoscaler._acting, "that it gave up")
    assert web(api, ranged)["quantity"] == 1
    pass_slowly(api, autoscaler, clock, ranged, 1)
    wait_for(lambda: not autoscaler._acting, "that nothing is under way")
    assert web(api, ranged)["quantity"] == 1
    pass_slowly(api, autoscaler, clock, ranged, 3)
    wait_for(lambda: web(api, ranged)["quantity"] == 2, "another process")


def test_somebody_was_quicker(api, ranged):
    app = api.platform.apps.get(ranged)
    (entry,) = [one for one in api.platform.formations.list(app.id) if one.type == "web"]
    decided = replace(entry, quantity=3)
    api.patch(f"/apps/{ranged}/formation/web", {"quantity": 1})  # which ends the range
    assert scale_by_itself(api.platform, app, decided, "too late") is False
    assert web(api, ranged)["quantity"] == 1
    assert decided.autoscale == Autoscale(1, 4, p95=100)


def test_a_stopped_app_is_left_alone(api, ranged, autoscaler, clock):
    autoscaler.tick()
    api.post(f"/apps/{ranged}/actions/stop", status=202)
    try:
        pass_slowly(api, autoscaler, clock, ranged, 4)
        wait_for(lambda: not autoscaler._acting, "that nothing is under way")
        assert web(api, ranged)["quantity"] == 1
    finally:
        api.post(f"/apps/{ranged}/actions/start", status=202)


def test_a_destroyed_app_is_forgotten(api, deployed, autoscaler, clock):
    api.lenient("PATCH", f"/apps/{deployed}/formation/web", {"autoscale": RANGE})
    assert autoscaler.tick() == 1
    api.delete(f"/apps/{deployed}")
    assert autoscaler.tick() == 0
    assert autoscaler._watched == {}


def test_its_thread_sleeps_until_there_is_something_to_do(api, deployed):
    looks = []

    class Counted(Autoscaler):
        def tick(self):
            looks.append(threading.current_thread().name)
            return super().tick()

    counted = Counted(api.platform, Pace(sample=0.05))
    counted.start()
    try:
        wait_for(lambda: looks, "the look at the start")
        assert len(looks) == 1
        api.lenient("PATCH", f"/apps/{deployed}/formation/web", {"autoscale": RANGE})
        wait_for(lambda: len(looks) >= 4, "looks at the app")
        api.patch(f"/apps/{deployed}/formation/web", {"quantity": 1})
    finally:
        counted.close()
    assert set(looks) == {"autoscaler"}
