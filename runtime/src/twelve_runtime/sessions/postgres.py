"""Sessions in PostgreSQL: one row each."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from twelve_runtime._connections import Row, adapt

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
    where name = %s and expires > clock_timestamp() returning 1
"""
DELETE = "delete from twelve_sessions where name = %s returning 1"
PURGE = """
    with gone as (delete from twelve_sessions where expires <= clock_timestamp() returning 1) select count(*) from gone
"""


class PostgresStore:
    """`connect` gives a connection for a `with` block that commits: a pool's `connection`, an engine's `begin`."""

    def __init__(self, connect: Callable[[], AbstractContextManager[Any]]) -> None:
        self._connect = connect

    def create_table(self) -> None:
        """In the release phase (factor XII), as any migration; what is there is left alone."""
        with self._connect() as connection:
            own = adapt(connection)
            with own.block():
                for statement in (LOCK, TABLE, INDEX):
                    own.row(statement)

    def purge(self) -> int:
        """A job for the clock: what has expired is never loaded, it only takes room."""
        found = self._run(PURGE)
        return int(found[0]) if found else 0

    def load(self, name: str) -> bytes | None:
        found = self._run(LOAD, name)
        return bytes(found[0]) if found else None

    def create(self, name: str, data: bytes, seconds: float) -> None:
        self._run(CREATE, name, data, seconds)

    def update(self, name: str, data: bytes, seconds: float) -> bool:
        return self._run(UPDATE, data, seconds, name) is not None

    def delete(self, name: str) -> bool:
        return self._run(DELETE, name) is not None

    def _run(self, sql: str, *values: object) -> Row:
        with self._connect() as connection:
            return adapt(connection).row(sql, *values)
