"""Stops asking a model that keeps failing, and tries it again after a while; one for each model in each process.

closed --(failures in a row)--> open --(seconds pass)--> half-open --one request succeeds--> closed
                                  ^------------------------------ it fails ---'
"""

import threading
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half-open"]
Told = Callable[[State, State, int], None]  # from, to, failures in a row


class Breaker:
    """`admit` before a call, then exactly one of `succeeded`, `failed` and `abandoned`."""

    def __init__(self, failures: int, seconds: float, clock: Callable[[], float], told: Told) -> None:
        self._limit, self._seconds = failures, seconds
        self._clock, self._told = clock, told
        self._failures = 0
        self._until = 0.0
        self._trying = False
        self._lock = threading.Lock()
        self.state: State = "closed"

    def admit(self) -> bool:
        if self._closed():
            return True
        with self._lock:
            if self._closed():
                return True
            if self._clock() >= self._until and not self._trying:
                self._become("half-open")
                self._trying = True
                return True
            return False

    def succeeded(self) -> None:
        if not self._failures and self.state == "closed":
            return
        with self._lock:
            self._failures = 0
            if self.state == "half-open":
                self._trying = False
                self._become("closed")

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            half_open, self._trying = self.state == "half-open", False
            if half_open or (self.state == "closed" and self._failures >= self._limit):
                self._until = self._clock() + self._seconds
                self._become("open")

    def abandoned(self) -> None:
        """The caller went away before there was an outcome."""
        with self._lock:
            self._trying = False

    def _closed(self) -> bool:
        return self.state == "closed"

    def _become(self, state: State) -> None:
        before, self.state = self.state, state
        if before != state:
            self._told(before, state, self._failures)
