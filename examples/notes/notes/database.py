"""Factor IV: Postgres is an attached resource, known by its URL alone."""

from psycopg_pool import ConnectionPool
from twelve_runtime import Lifecycle
from twelve_runtime.resources import postgres
from twelve_runtime.resources.postgres import Connection

from .settings import Settings


def pool(settings: Settings, lifecycle: Lifecycle | None = None) -> ConnectionPool[Connection]:
    """Opens in the background: pages that need no database are served while it is away, and connects by itself."""
    return postgres.pool(
        settings.database_url, size=settings.pool_size, name=settings.process, wait=0, lifecycle=lifecycle
    )


def connect(settings: Settings, **options: bool) -> Connection:
    """One connection, for a one-off process; waits for a server that is just starting."""
    return postgres.connect(settings.database_url, name=settings.process, **options)
