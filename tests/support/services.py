"""A TWELVE_HOME with the real servers behind the services, without the rest of the platform."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

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


@contextmanager
def database_below(home) -> Iterator[Database]:
    """A server of its own with the platform's tables."""
    settings = Settings(home=home)
    settings.make_directories()
    server = PostgresServer(settings, lambda _component, _chunk: None)
    server.ensure()
    database = Database(server.platform_url())
    database.migrate()
    yield database
    database.close()
    server.stop()
