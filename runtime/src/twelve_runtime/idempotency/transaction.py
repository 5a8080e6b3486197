"""Exactly one effect, when the effect is in PostgreSQL: key, effect and answer commit in one transaction, or none does.

A process that is killed at any moment leaves all of it or nothing; there is no lease to wait for and nothing to repair.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

from twelve_runtime._connections import Connection, adapt, sqlstate
from twelve_runtime.idempotency.calls import call_fingerprint
from twelve_runtime.idempotency.codec import decode, encode
from twelve_runtime.idempotency.effect import Effect
from twelve_runtime.idempotency.errors import Busy, Conflict
from twelve_runtime.idempotency.machine import checked

DAY = 86400.0
LOCK_NOT_AVAILABLE = "55P03"

# A key that somebody else is inserting makes this wait for the end of that transaction, as every unique key does.
TAKE = """
    insert into twelve_idempotency as held (key, token, fingerprint, answer, expires)
    values (%s, nextval('twelve_idempotency_token'), %s, '', clock_timestamp() + make_interval(secs => %s))
    on conflict (key) do update
    set token = nextval('twelve_idempotency_token'), fingerprint = excluded.fingerprint, answer = '',
        expires = excluded.expires, lease = null
    where held.answer is not null and held.expires <= clock_timestamp()
    returning token
"""
LOOK = "select fingerprint, answer, expires > clock_timestamp() from twelve_idempotency where key = %s"
ANSWER = "update twelve_idempotency set answer = %s where key = %s"
PATIENCE = "select current_setting('lock_timeout'), set_config('lock_timeout', %s, true)"
RESTORE = "select set_config('lock_timeout', %s, true)"

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C")


@contextmanager
def once(
    connection: object, key: str, *, fingerprint: str = "", expires: float = DAY, wait: float | None = 10.0
) -> Iterator[Effect]:
    """Inside the caller's transaction when there is one: then it is the caller's commit that makes it all true.

    Duplicates wait up to `wait` seconds for the first (None: as long as the server lets them), then Busy. Conflict when
    the key was used with another fingerprint. An exception in the block undoes everything: the key is free again.
    `expires` seconds later the key is as new.
    """
    own = adapt(connection)
    with own.block():
        effect = _claim(own, checked(key), fingerprint, expires, wait)
        yield effect
        if effect.first:
            own.row(ANSWER, effect.answer, key)


def transactional(
    key: Callable[..., str],
    *,
    fingerprint: Callable[..., str] | None = None,
    expires: float = DAY,
    wait: float | None = 10.0,
) -> Callable[[Callable[Concatenate[C, P], R]], Callable[Concatenate[C, P], R]]:
    """For a function whose first argument is the connection, and whose answer is JSON.

    `key` and `fingerprint` get the other arguments; without `fingerprint` these themselves, as JSON, are compared.
    """

    def decorate(function: Callable[Concatenate[C, P], R]) -> Callable[Concatenate[C, P], R]:
        name = f"{function.__module__}.{function.__qualname__}"

        @functools.wraps(function)
        def wrapped(connection: C, /, *args: P.args, **kwargs: P.kwargs) -> R:
            asked = call_fingerprint(fingerprint, name, args, kwargs)
            with once(connection, key(*args, **kwargs), fingerprint=asked, expires=expires, wait=wait) as effect:
                if effect.first:
                    effect.answer = encode(function(connection, *args, **kwargs))
            answer: Any = decode(effect.answer)
            return answer  # type: ignore[no-any-return] # JSON again: the first and the others get the same

        return wrapped

    return decorate


def _claim(own: Connection, key: str, fingerprint: str, expires: float, wait: float | None) -> Effect:
    # A look first: taking would lock the row, and those who only want the answer need not queue.
    if (found := _look(own, key, fingerprint)) is not None:
        return found
    if (taken := _take(own, key, fingerprint, expires, wait)) is not None:
        return Effect(key, token=int(taken[0]))
    if (found := _look(own, key, fingerprint)) is not None:
        return found
    raise Busy(f"The key {key!r} is in use right now.")


def _look(own: Connection, key: str, fingerprint: str) -> Effect | None:
    found = own.row(LOOK, key)
    if found is None or found[1] is None or not found[2]:
        return None
    if found[0] != fingerprint:
        raise Conflict(f"The key {key!r} was used for another request.")
    return Effect(key, answer=bytes(found[1]))


def _take(own: Connection, key: str, fingerprint: str, expires: float, wait: float | None) -> Any:
    """A savepoint around it: a wait that was too long must not spoil the caller's transaction."""
    if wait is None:
        return own.row(TAKE, key, fingerprint, expires)
    try:
        with own.block():
            patience = own.row(PATIENCE, f"{max(1, round(wait * 1000))}ms")
            taken = own.row(TAKE, key, fingerprint, expires)
            own.row(RESTORE, patience[0] if patience else "0")
            return taken
    except Exception as error:
        if sqlstate(error) == LOCK_NOT_AVAILABLE:
            raise Busy(f"The key {key!r} is in use right now.") from error
        raise
