"""One TWELVE_HOME with real servers for all tests of the services; each test makes resources of its own."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from twelve.core.ports import Provider
from twelve.infra.database import Database
from twelve.infra.settings import Settings
from twelve.stages.services.catalogue import providers
from twelve.stages.services.postgres_server import PostgresServer


@dataclass
class Services:
    settings: Settings
    server: PostgresServer
    database: Database
    providers: dict[str, Provider]
    said: dict[str, bytes] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Provider:
        return self.providers[name]

    def stop(self) -> None:
        for provider in self.providers.values():
            provider.stop()
        self.database.close()
        self.server.stop()


def started(home) -> Services:
    settings = Settings(home=home)
    settings.make_directories()
    said: dict[str, bytes] = defaultdict(bytes)

    def output(component: str, chunk: bytes) -> None:
        said[component] += chunk

    server = PostgresServer(settings, output)
    server.ensure()
    database = Database(server.platform_url())
    database.migrate()
    return Services(settings, server, database, providers(settings, server, output, database), said)


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
