"""Leases in PostgreSQL: each step is a short transaction of its own, serialised for each key by an advisory lock."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from twelve_runtime._connections import Connection, adapt
from twelve_runtime.idempotency import machine
from twelve_runtime.idempotency.machine import Crashed, Done, Record, Running, Take, Verdict

LOCK = "select pg_advisory_xact_lock(hashtextextended('twelve_idempotency:' || %s, 0))"
READ = """
    select token, fingerprint, extract(epoch from lease)::float8, answer, extract(epoch from expires)::float8
    from twelve_idempotency where key = %s
"""
NOW = "select extract(epoch from clock_timestamp())::float8"
TAKE = """
    insert into twelve_idempotency as held (key, token, fingerprint, lease)
    values (%s, nextval('twelve_idempotency_token'), %s, to_timestamp(%s))
    on conflict (key) do update
    set token = excluded.token, fingerprint = excluded.fingerprint, lease = excluded.lease,
        answer = null, expires = null
    returning token
"""
RENEW = "update twelve_idempotency set lease = to_timestamp(%s) where key = %s"
FINISH = "update twelve_idempotency set lease = null, answer = %s, expires = to_timestamp(%s) where key = %s"
UNCERTAIN = """
    select coalesce(array_agg(key), '{}') from (
        select key from twelve_idempotency where answer is null and lease <= clock_timestamp() order by lease limit %s
    ) as oldest
"""
FREE = "delete from twelve_idempotency where key = %s"


class PostgresStore:
    """`connect` gives a connection for a `with` block: a pool's `connection`, an engine's `begin`."""

    def __init__(self, connect: Callable[[], AbstractContextManager[Any]]) -> None:
        self._connect = connect

    def claim(self, key: str, fingerprint: str, lease: float, crashed: Crashed) -> tuple[Verdict, int]:
        with self._locked(key) as (own, record, now):
            verdict = machine.claim(record, fingerprint, now, crashed)
            if not isinstance(verdict, Take):
                return verdict, 0
            taken = own.row(TAKE, key, fingerprint, now + lease)
            assert taken is not None
            return verdict, int(taken[0])

    def renew(self, key: str, token: int, lease: float) -> bool:
        with self._locked(key) as (own, record, now):
            if ours := machine.held(record, token):
                own.row(RENEW, now + lease, key)
            return ours

    def finish(self, key: str, token: int, answer: bytes, expires: float) -> bool:
        with self._locked(key) as (own, record, now):
            if ours := machine.held(record, token):
                own.row(FINISH, answer, now + expires, key)
            return ours or machine.finished(record, token)

    def release(self, key: str, token: int) -> bool:
        with self._locked(key) as (own, record, _):
            if ours := machine.held(record, token):
                own.row(FREE, key)
            return ours

    def read(self, key: str) -> Record:
        with self._connect() as connection:
            return _record(adapt(connection).row(READ, key))

    def uncertain(self, most: int) -> list[str]:
        with self._connect() as connection:
            found = adapt(connection).row(UNCERTAIN, most)
            return list(found[0]) if found else []

    def resolve(self, key: str, answer: bytes | None, expires: float) -> bool:
        with self._locked(key) as (own, record, now):
            if not machine.uncertain(record, now):
                return False
            if answer is None:
                own.row(FREE, key)
            else:
                own.row(FINISH, answer, now + expires, key)
            return True

    @contextmanager
    def _locked(self, key: str) -> Iterator[tuple[Connection, Record, float]]:
        with self._connect() as connection:
            own = adapt(connection)
            with own.block():
                own.row(LOCK, key)
                now = own.row(NOW)
                assert now is not None
                yield own, _record(own.row(READ, key)), float(now[0])


def _record(row: Any) -> Record:
    if row is None:
        return None
    token, fingerprint, lease, answer, expires = row
    if answer is None:
        return Running(token, fingerprint, lease)
    return Done(token, fingerprint, bytes(answer), expires)
