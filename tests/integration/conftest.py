"""One real platform for all end-to-end tests of a run; each test uses apps of its own."""

import pytest

from tests.support.live import running
from tests.support.services import database_below


@pytest.fixture(scope="session")
def live(tmp_path_factory):
    with running(tmp_path_factory.mktemp("home")) as platform:
        yield platform


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    with database_below(tmp_path_factory.mktemp("database")) as made:
        yield made
