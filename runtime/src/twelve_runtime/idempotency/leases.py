"""At most one holder at a time, for effects outside of the database: a payment, a mail, a file.

No one can make such an effect and a note of it at the same moment. So a holder that vanishes leaves a question, and
`crashed` says what is done with it: "retry" (the effect may happen again: give `effect.key` or `effect.token` to
whom it happens at) or "unknown" (nobody tries again until a person has looked).
"""

import asyncio
import contextlib
import functools
import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from twelve_runtime.idempotency.calls import call_fingerprint
from twelve_runtime.idempotency.codec import decode, encode
from twelve_runtime.idempotency.effect import Effect
from twelve_runtime.idempotency.errors import Busy, Conflict, Lost, NotDone, Unknown
from twelve_runtime.idempotency.heartbeat import Heartbeat
from twelve_runtime.idempotency.machine import Crashed, Mismatch, Replay, Take, Uncertain, Verdict, checked
from twelve_runtime.idempotency.store import Store

DAY = 86400.0
F = TypeVar("F", bound=Callable[..., Any])


class Leases:
    """`lease` seconds without a sign of life end a holder's claim; while it lives, a thread renews it.

    `harmless`: exceptions that say, as NotDone does, that nothing has happened: the key is free again. Any other does
    the same under "retry", and leaves the key uncertain under "unknown".
    """

    def __init__(
        self,
        store: Store,
        *,
        crashed: Crashed,
        lease: float = 30.0,
        expires: float = DAY,
        wait: float = 10.0,
        harmless: tuple[type[BaseException], ...] = (),
    ) -> None:
        if crashed not in {"retry", "unknown"}:
            raise ValueError('crashed is "retry" or "unknown".')
        self.store = store
        self.crashed = crashed
        self.lease = lease
        self.expires = expires
        self.wait = wait
        self.harmless = harmless

    @contextmanager
    def once(self, key: str, *, fingerprint: str = "") -> Iterator[Effect]:
        """Duplicates wait up to `wait` seconds for the first, then Busy; Conflict and Unknown come at once."""
        effect = self._begin(checked(key), fingerprint)
        if not effect.first:
            yield effect
            return
        with Heartbeat(self.store, effect, self.lease) as heart:
            try:
                yield effect
            except BaseException as error:
                self._fail(effect, heart, error)
                raise
            self._end(effect)

    @asynccontextmanager
    async def once_async(self, key: str, *, fingerprint: str = "") -> AsyncIterator[Effect]:
        """The same for async code: the store is asked in threads, and waiting holds none."""
        effect = await self._begin_async(checked(key), fingerprint)
        if not effect.first:
            yield effect
            return
        with Heartbeat(self.store, effect, self.lease) as heart:
            try:
                yield effect
            except BaseException as error:
                await asyncio.shield(asyncio.to_thread(self._fail, effect, heart, error))
                raise
            await asyncio.shield(asyncio.to_thread(self._end, effect))

    def effect(self, key: Callable[..., str], *, fingerprint: Callable[..., str] | None = None) -> Callable[[F], F]:
        """For a function, async or not, whose answer is JSON; `key` and `fingerprint` get its arguments."""

        def decorate(function: F) -> F:
            name = f"{function.__module__}.{function.__qualname__}"

            def asked(args: Any, kwargs: Any) -> tuple[str, str]:
                return key(*args, **kwargs), call_fingerprint(fingerprint, name, args, kwargs)

            wrapped = (
                self._wrap_async(function, asked)
                if inspect.iscoroutinefunction(function)
                else self._wrap(function, asked)
            )
            return functools.wraps(function)(wrapped)  # type: ignore[return-value] # the same arguments and answer

        return decorate

    def uncertain(self, most: int = 100) -> list[str]:
        """What a person has to look up: keys whose holders vanished."""
        return self.store.uncertain(most)

    def resolve(self, key: str, answer: object) -> bool:
        """A person found out that it happened, and what the answer of the function was."""
        return self.store.resolve(key, encode(answer), self.expires)

    def forget(self, key: str) -> bool:
        """A person found out that it did not happen: the next one does it."""
        return self.store.resolve(key, None, self.expires)

    def _wrap(self, function: Callable[..., Any], asked: Callable[..., tuple[str, str]]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            key, fingerprint = asked(args, kwargs)
            with self.once(key, fingerprint=fingerprint) as effect:
                if effect.first:
                    effect.answer = encode(function(*args, **kwargs))
            return decode(effect.answer)

        return wrapped

    def _wrap_async(self, function: Callable[..., Any], asked: Callable[..., tuple[str, str]]) -> Callable[..., Any]:
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            key, fingerprint = asked(args, kwargs)
            async with self.once_async(key, fingerprint=fingerprint) as effect:
                if effect.first:
                    effect.answer = encode(await function(*args, **kwargs))
            return decode(effect.answer)

        return wrapped

    def _begin(self, key: str, fingerprint: str) -> Effect:
        for pause in _pauses(key, self.wait):
            time.sleep(pause)
            if (effect := self._attempt(key, fingerprint)) is not None:
                return effect
        raise AssertionError  # _pauses ends by Busy

    async def _begin_async(self, key: str, fingerprint: str) -> Effect:
        for pause in _pauses(key, self.wait):
            await asyncio.sleep(pause)
            if (effect := await asyncio.to_thread(self._attempt, key, fingerprint)) is not None:
                return effect
        raise AssertionError  # _pauses ends by Busy

    def _attempt(self, key: str, fingerprint: str) -> Effect | None:
        verdict, token = self.store.claim(key, fingerprint, self.lease, self.crashed)
        return _effect(key, verdict, token)

    def _end(self, effect: Effect) -> None:
        if not self.store.finish(effect.key, effect.token, effect.answer, self.expires):
            raise Lost(f"The lease of {effect.key!r} ran out before its effect was done; the answer is not kept.")

    def _fail(self, effect: Effect, heart: Heartbeat, error: BaseException) -> None:
        """What went wrong is what the caller has to see, also when the store has gone: then the lease runs out."""
        heart.stop()
        with contextlib.suppress(Exception):
            if self.crashed == "retry" or isinstance(error, (NotDone, *self.harmless)):
                self.store.release(effect.key, effect.token)
            else:
                self.store.renew(effect.key, effect.token, 0.0)


def _effect(key: str, verdict: Verdict, token: int) -> Effect | None:
    match verdict:
        case Take(again):
            return Effect(key, token=token, again=again)
        case Replay(answer):
            return Effect(key, answer=answer)
        case Mismatch():
            raise Conflict(f"The key {key!r} was used for another request.")
        case Uncertain():
            raise Unknown(f"Somebody began with {key!r} and vanished: whether its effect happened has to be looked up.")
        case _:
            return None


def _pauses(key: str, wait: float) -> Iterator[float]:
    """None at first, then longer ones up to a quarter of a second; Busy when all is waited."""
    deadline = time.monotonic() + wait
    yield 0.0
    pause = 0.005
    while (left := deadline - time.monotonic()) > 0:
        yield min(pause, left)
        pause = min(pause * 1.5, 0.25)
    raise Busy(f"The key {key!r} is in use right now.")
