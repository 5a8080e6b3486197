"""Real servers for the tests of the runtime library: started once, and only those somebody asks for."""

import time

import pytest
import sqlalchemy

from tests.support.services import started


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    running = started(tmp_path_factory.mktemp("servers"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def database_url(servers):
    return servers["postgres"].config("DATABASE", servers["postgres"].create("postgres-runtime-1"))["DATABASE_URL"]


@pytest.fixture(scope="session")
def engine(database_url):
    made = sqlalchemy.create_engine("postgresql+psycopg" + database_url[database_url.index("://") :])
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def redis_url(servers):
    return servers["redis"].config("REDIS", servers["redis"].create("redis-runtime-1"))["REDIS_URL"]


@pytest.fixture(scope="session")
def bucket(servers):
    """The config vars of a bucket: FILES_URL, FILES_ENDPOINT and so on."""
    return servers["s3"].config("FILES", servers["s3"].create("s3-runtime-1"))


@pytest.fixture(scope="session")
def eventually():
    def wait(condition, seconds=10.0):
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < deadline, "the condition never came true"
            time.sleep(0.01)
        return value

    return wait


@pytest.fixture(scope="session")
def nats_url(servers):
    return servers["nats"].config("NATS", servers["nats"].create("nats-runtime-1"))["NATS_URL"]
