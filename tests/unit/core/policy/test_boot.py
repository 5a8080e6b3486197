import pytest

from twelve.core.model import HealthCheck
from twelve.core.policy.boot import all_checks, described, later_checks, startup_checks

PAGE = HealthCheck(path="/health")
LONG = HealthCheck(uptime=30)
LIVE = HealthCheck(type="liveness", command=("bin/alive",))
READY = HealthCheck(type="readiness", path="/ready", wait=1, attempts=2)


@pytest.mark.parametrize(
    ("type_", "checks", "names"),
    [
        ("web", (), ["web: accepts on $PORT"]),
        ("worker", (), ["worker: alive for 2 s"]),
        ("Web", (), ["Web: alive for 2 s"]),  # only "web" is routed
        ("web", (PAGE,), ["web: accepts on $PORT", "web: GET /health"]),  # a page comes after the port
        ("web", (HealthCheck(listening=True), PAGE), ["web: accepts on $PORT", "web: GET /health"]),
        ("worker", (LONG,), ["worker: alive for 30 s"]),  # its own instead of the default
        ("worker", (LIVE, READY), ["worker: alive for 2 s"]),  # later checks are no startup checks
        ("web", (HealthCheck(path="/", name="front page"),), ["web: accepts on $PORT", "front page"]),
    ],
)
def test_what_must_pass_before_a_process_is_up(type_, checks, names):
    assert [check.name for check in startup_checks(type_, checks)] == names


def test_defaults_are_filled_in():
    (startup,) = startup_checks("worker", (LONG,))
    assert (startup.wait, startup.attempts, startup.timeout) == (0.25, None, 5.0)  # None: until the boot timeout
    _, live, ready = all_checks("worker", (PAGE, LIVE, READY))
    assert (live.wait, live.attempts, live.name) == (5.0, 3, "worker: bin/alive")
    assert (ready.wait, ready.attempts) == (1, 2)  # what is given stays


def test_neither_later_kind_has_a_default():
    assert later_checks(all_checks("web", (PAGE,))) == ()


def test_routing_can_be_said():
    assert startup_checks("api", routed=True)[0].listening
    assert described(startup_checks("web", routed=False)[0]) == "alive for 2 s"
