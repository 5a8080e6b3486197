"""One TWELVE_HOME with real servers for all tests of the services; each test makes resources of its own."""

import contextlib
import time
from collections.abc import Callable

import pytest

from tests.support.services import started


@pytest.fixture(scope="session")
def services(tmp_path_factory):
    running = started(tmp_path_factory.mktemp("services"))
    yield running
    running.stop()


@pytest.fixture
def resource(services):
    """Makes a resource and takes it away after the test."""
    made = []

    def create(kind: str, name: str):
        details = services[kind].create(name)
        made.append((kind, details))
        return details

    yield create
    for kind, details in made:
        services[kind].destroy(details)


@pytest.fixture(scope="session")
def eventually():
    def wait(condition: Callable[[], object], *errors: type[Exception], seconds: float = 10.0):
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(*errors):
                if value := condition():
                    return value
            assert time.monotonic() < deadline, "the condition never came true"
            time.sleep(0.01)

    return wait
