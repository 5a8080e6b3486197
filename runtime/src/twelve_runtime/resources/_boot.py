"""A process may start before its backing services do: it asks again, for a while, and then says what it last heard."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from twelve_runtime.errors import Unreachable
from twelve_runtime.lifecycle import Lifecycle
from twelve_runtime.resources._address import Address

T = TypeVar("T")
WAIT = 30.0  # seconds that a service may take to come up
FIRST, LONGEST = 0.1, 2.0


class Patience:
    """Counts down one wait. `hopeless` says which errors no wait will cure."""

    def __init__(
        self, what: str, address: Address, wait: float, hopeless: Callable[[BaseException], bool] = lambda _: False
    ) -> None:
        self.what = what
        self.address = address
        self.wait = wait
        self.hopeless = hopeless
        self.deadline = time.monotonic() + wait
        self.tries = 0

    def pause(self, error: BaseException) -> float:
        """Seconds until the next try; raises Unreachable when there is none."""
        reason = self.address.clean(error)
        if self.hopeless(error):
            raise Unreachable(f"{self.what} refuses us: {reason}.") from None
        if time.monotonic() >= self.deadline:
            raise Unreachable(f"{self.what} did not answer within {self.wait:g} s: {reason}.") from None
        delay: float = min(LONGEST, FIRST * 2**self.tries) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret, only a spread
        self.tries = min(self.tries + 1, 10)
        return min(delay, max(0.0, self.deadline - time.monotonic()))


def until_up(
    patience: Patience, attempt: Callable[[], T], errors: tuple[type[Exception], ...], lifecycle: Lifecycle | None
) -> T:
    """What the attempt gives once it succeeds. A process that is told to stop waits no longer."""
    while True:
        try:
            return attempt()
        except errors as error:
            problem: Exception = error
        delay = _delay(patience, problem)
        if lifecycle is None:
            time.sleep(delay)
        elif not lifecycle.sleep(delay):
            raise Unreachable(f"{patience.what} did not answer before this process was told to stop.")


async def until_up_async(
    patience: Patience, attempt: Callable[[], Awaitable[T]], errors: tuple[type[Exception], ...]
) -> T:
    while True:
        try:
            return await attempt()
        except errors as error:
            problem: Exception = error
        await asyncio.sleep(_delay(patience, problem))


def _delay(patience: Patience, error: Exception) -> float:
    """Apart, so that what is raised has no earlier error behind it: drivers keep the URL in theirs."""
    return patience.pause(error)
