"""One at a time, across all machines: a name locked in PostgreSQL or Redis, free again when its holder dies."""

import contextlib
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from twelve_runtime.errors import BUSY, RuntimeProblem

POLL = 0.2  # seconds between two tries
LEASE = 30.0  # seconds after which a lock in Redis is free when its holder is dead
RENEW = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) else return 0 end"
RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end"


class Busy(RuntimeProblem):
    """Somebody else holds the lock."""

    exit_code = BUSY


class LockLost(RuntimeProblem):
    """The lock was ours and is not any more: what is done under it has to end."""

    exit_code = BUSY


class Connection(Protocol):
    """Of psycopg: one session, whose end frees its locks."""

    def execute(self, query: Any, params: Any = None) -> Any: ...
    def rollback(self) -> Any: ...


class Redis(Protocol):
    def set(self, name: str, value: str, *, nx: bool, px: int) -> Any: ...
    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any: ...


class Lock:
    """What `only_one` hands out."""

    def __init__(self, name: str, holds: Callable[[], bool]) -> None:
        self.name = name
        self._holds = holds

    def check(self) -> None:
        """Between two steps that must not be done by two: raises LockLost when it is not ours any more."""
        try:
            held = self._holds()
        except Exception as error:
            raise LockLost(f'The lock "{self.name}" cannot be checked: {type(error).__name__}.') from error
        if not held:
            raise LockLost(f'The lock "{self.name}" was lost: its lease ran out or its connection ended.')


@contextlib.contextmanager
def only_one(
    name: str, *, postgres: Connection | None = None, redis: Redis | None = None, wait: float = 0.0
) -> Iterator[Lock]:
    """Holds the name for the block, or raises after `wait` seconds (exit code 75 under `run`).

    With `postgres` the lock is the session's: it is free the moment the connection ends. Not through a pooler that
    shares sessions. With `redis` it is a lease that a thread renews; a holder that was stopped for longer than the
    lease has lost it, which `check` tells.
    """
    if (postgres is None) == (redis is None):
        raise TypeError("only_one takes either postgres= or redis=.")
    holder = _Advisory(name, postgres) if postgres is not None else _Lease(name, redis)
    deadline = time.monotonic() + wait
    while not holder.take():
        if time.monotonic() >= deadline:
            raise Busy(f'"{name}" is being done by somebody else: try again when it has ended.')
        time.sleep(min(POLL, max(0.01, deadline - time.monotonic())))
    try:
        yield Lock(name, holder.holds)
    finally:
        holder.free()


class _Advisory:
    def __init__(self, name: str, connection: Connection) -> None:
        digest = hashlib.sha256(f"twelve_runtime.oneoff:{name}".encode()).digest()
        self._key = int.from_bytes(digest[:8], "big", signed=True)
        self._connection = connection

    def take(self) -> bool:
        return self._asked("select pg_try_advisory_lock(%s)", self._key)

    def holds(self) -> bool:
        query = (
            "select exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() and granted"
            " and database = (select oid from pg_database where datname = current_database())"
            " and ((classid::bigint << 32) | objid::bigint) = %s)"
        )
        return self._asked(query, self._key)

    def free(self) -> None:
        """A connection that is gone has freed it; in a transaction that failed nothing can be said before its end."""
        try:
            self._asked("select pg_advisory_unlock(%s)", self._key)
        except Exception:  # noqa: BLE001 - the driver's own
            with contextlib.suppress(Exception):
                self._connection.rollback()
                self._asked("select pg_advisory_unlock(%s)", self._key)

    def _asked(self, query: str, key: int) -> bool:
        """Whatever form the connection gives its rows."""
        row = self._connection.execute(query, (key,)).fetchone()
        return bool(next(iter(row.values())) if hasattr(row, "values") else row[0])


class _Lease:
    def __init__(self, name: str, redis: Any) -> None:
        self._key = f"twelve:only_one:{name}"
        self._token = secrets.token_hex(16)
        self._redis = redis
        self._until = 0.0
        self._freed = threading.Event()
        self._thread = threading.Thread(target=self._renew, name=f"lock {name}", daemon=True)

    def take(self) -> bool:
        asked = time.monotonic()
        if not self._redis.set(self._key, self._token, nx=True, px=int(LEASE * 1000)):
            return False
        self._until = asked + LEASE
        self._thread.start()
        return True

    def holds(self) -> bool:
        """By our own clock, which began before the server's did."""
        return time.monotonic() < self._until

    def free(self) -> None:
        self._freed.set()
        self._thread.join(LEASE)
        with contextlib.suppress(Exception):
            self._redis.eval(RELEASE, 1, self._key, self._token)

    def _renew(self) -> None:
        while self.holds() and not self._freed.wait(LEASE / 5):
            asked = time.monotonic()
            with contextlib.suppress(Exception):  # the next try may succeed before the lease ends
                if not self._redis.eval(RENEW, 1, self._key, self._token, int(LEASE * 1000)):
                    self._until = 0.0
                    return
                self._until = asked + LEASE
