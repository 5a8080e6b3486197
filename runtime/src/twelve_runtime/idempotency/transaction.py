"""Exactly one effect, when the effect is in PostgreSQL: key, effect and answer commit in one transaction, or none does.

A process that is killed at any moment leaves all of it or nothing; there is no lease to wait for and nothing to repair.
"""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from twelve_runtime._connections import adapt, adapt_async, drive, drive_async
from twelve_runtime.idempotency.calls import call_fingerprint
from twelve_runtime.idempotency.claiming import answering, claiming
from twelve_runtime.idempotency.codec import decode, encode
from twelve_runtime.idempotency.effect import Effect
from twelve_runtime.idempotency.machine import checked

DAY = 86400.0
F = TypeVar("F", bound=Callable[..., Any])
Asked = Callable[[Any, Any], dict[str, Any]]


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
        effect = drive(own, claiming(checked(key), fingerprint, expires, wait))
        yield effect
        if effect.first:
            own.row(*answering(effect))


@asynccontextmanager
async def once_async(
    connection: object, key: str, *, fingerprint: str = "", expires: float = DAY, wait: float | None = 10.0
) -> AsyncIterator[Effect]:
    """The same with psycopg's AsyncConnection."""
    own = adapt_async(connection)
    async with own.block():
        effect = await drive_async(own, claiming(checked(key), fingerprint, expires, wait))
        yield effect
        if effect.first:
            await own.row(*answering(effect))


def transactional(
    key: Callable[..., str],
    *,
    fingerprint: Callable[..., str] | None = None,
    expires: float = DAY,
    wait: float | None = 10.0,
) -> Callable[[F], F]:
    """For a function, async or not, whose first argument is the connection, and whose answer is JSON.

    `key` and `fingerprint` get the other arguments; without `fingerprint` these themselves, as JSON, are compared.
    """

    def decorate(function: F) -> F:
        name = f"{function.__module__}.{function.__qualname__}"

        def asked(args: Any, kwargs: Any) -> dict[str, Any]:
            compared = call_fingerprint(fingerprint, name, args, kwargs)
            return {"key": key(*args, **kwargs), "fingerprint": compared, "expires": expires, "wait": wait}

        wrap = _wrap_async if inspect.iscoroutinefunction(function) else _wrap
        return functools.wraps(function)(wrap(function, asked))  # type: ignore[return-value] # the same arguments

    return decorate


def _wrap(function: Callable[..., Any], asked: Asked) -> Callable[..., Any]:
    def wrapped(connection: object, /, *args: Any, **kwargs: Any) -> Any:
        with once(connection, **asked(args, kwargs)) as effect:
            if effect.first:
                effect.answer = encode(function(connection, *args, **kwargs))
        return decode(effect.answer)  # JSON again: the first and the others get the same

    return wrapped


def _wrap_async(function: Callable[..., Any], asked: Asked) -> Callable[..., Any]:
    async def wrapped(connection: object, /, *args: Any, **kwargs: Any) -> Any:
        async with once_async(connection, **asked(args, kwargs)) as effect:
            if effect.first:
                effect.answer = encode(await function(connection, *args, **kwargs))
        return decode(effect.answer)

    return wrapped
