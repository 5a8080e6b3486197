"""Sessions in PostgreSQL: one row each, by psycopg connections, usually of a pool."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

TABLE = """
    create table if not exists twelve_sessions (
        name text primary key, data bytea not null, expires timestamptz not null
    )
"""
INDEX = "create index if not exists twelve_sessions_expires on twelve_sessions (expires)"
LOCK = "select pg_advisory_xact_lock(hashtextextended('twelve_sessions', 0))"
LOAD = "select data from twelve_sessions where name = %s and expires > clock_timestamp()"
CREATE = "insert into twelve_sessions values (%s, %s, clock_timestamp() + make_interval(secs => %s))"
UPDATE = """
    update twelve_sessions set data = %s, expires = clock_timestamp() + make_interval(secs => %s)
    where name = %s and expires > clock_timestamp()
"""
DELETE = "delete from twelve_sessions where name = %s"
PURGE = "delete from twelve_sessions where expires <= clock_timestamp()"


class PostgresStore:
    """`connect` gives a psycopg connection for a `with` block that commits: a pool's `connection`."""

    def __init__(self, connect: Callable[[], AbstractContextManager[Any]]) -> None:
        self._connect = connect

    def create_table(self) -> None:
        """In the release phase (factor XII), as any migration; what is there is left alone."""
        with self._connect() as connection, connection.transaction():
            for statement in (LOCK, TABLE, INDEX):
                connection.execute(statement)

    def purge(self) -> int:
        """A job for the clock: what has expired is never loaded, it only takes room."""
        return self._run(PURGE)

    def load(self, name: str) -> bytes | None:
        with self._connect() as connection:
            row = connection.execute(LOAD, [name]).fetchone()
        return None if row is None else bytes(row[0])

    def create(self, name: str, data: bytes, seconds: float) -> None:
        self._run(CREATE, name, data, seconds)

    def update(self, name: str, data: bytes, seconds: float) -> bool:
        return self._run(UPDATE, data, seconds, name) == 1

    def delete(self, name: str) -> bool:
        return self._run(DELETE, name) == 1

    def _run(self, sql: str, *values: object) -> int:
        with self._connect() as connection:
            count: int = connection.execute(sql, values or None).rowcount
            return count
