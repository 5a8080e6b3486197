"""One operation right behind another, while processes of the one before still drain: each place is taken once."""

import threading

import pytest

from tests.support.live import FIXTURES, running, wait_for

pytestmark = pytest.mark.integration


@pytest.fixture
def platform(tmp_path_factory):
    with running(tmp_path_factory.mktemp("home")) as live:
        live.up(FIXTURES / "slow", "slow")
        yield live


@pytest.fixture
def open_requests(platform):
    """Slow requests, so many that every process has one to finish."""
    answers = []
    threads = []

    def start(count):
        for _ in range(count):
            thread = threading.Thread(target=lambda: answers.append(platform.get("slow", "/?seconds=3").status))
            thread.start()
            threads.append(thread)

    yield start
    for thread in threads:
        thread.join()
    assert set(answers) <= {200}


def up(platform):
    return sorted(row["name"] for row in platform.processes("slow") if row["state"] == "up")


def test_scaled_up_again_while_the_last_one_drains(platform, open_requests):
    platform.cli("scale", "web=2", "--app", "slow")
    open_requests(8)
    platform.cli("scale", "web=1", "--app", "slow")
    platform.cli("scale", "web=3", "--app", "slow")
    gone = "heroku[web.2]: Process exited with status"
    wait_for(
        lambda: gone in platform.cli("logs", "--app", "slow", "--num", "500").stdout, "the end of the one that drained"
    )
    wait_for(lambda: up(platform) == ["web.1", "web.2", "web.3"], "three processes, each once", 30)


def test_restarted_twice_while_the_first_one_drains(platform, open_requests):
    open_requests(4)
    platform.cli("restart", "--app", "slow")
    platform.cli("restart", "--app", "slow")
    wait_for(lambda: up(platform) == ["web.1"], "one process", 30)
    assert platform.get("slow", "/?seconds=0").status == 200
