"""Factor IV: Postgres is an attached resource, known by its URL alone."""

from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from .settings import Settings

Connection = psycopg.Connection[dict[str, Any]]


def pool(settings: Settings) -> ConnectionPool[Connection]:
    """Opens in the background, and connects again by itself when the server comes back."""
    return ConnectionPool(
        settings.database_url,
        min_size=1,
        max_size=settings.pool_size,
        max_idle=60,
        timeout=5,
        check=ConnectionPool.check_connection,
        kwargs={"row_factory": dict_row, "application_name": settings.process},
        open=True,
    )
