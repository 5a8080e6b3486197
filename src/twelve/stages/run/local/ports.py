"""Factor VII: every start gets a port of its own, below the kernel's ephemeral range."""

import secrets
import socket
import time
from collections.abc import Callable

from twelve.core.errors import RunError

FIRST, LAST = 20000, 29999
REST = 60.0  # seconds until a port is given out again: its old connections are in TIME_WAIT


class Ports:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: set[int] = set()
        self._resting: dict[int, float] = {}

    def claim(self) -> int:
        """A port nobody listens on; random, so that two platforms on a machine do not meet."""
        now = self._clock()
        self._resting = {port: until for port, until in self._resting.items() if until > now}
        span = LAST - FIRST + 1
        first = secrets.randbelow(span)
        for offset in range(span):
            port = FIRST + (first + offset) % span
            if port not in self._taken and port not in self._resting and _is_free(port):
                self._taken.add(port)
                return port
        raise RunError(f"No free port from {FIRST} to {LAST} is left.", hint="Stop some processes.")

    def adopt(self, port: int) -> None:
        self._taken.add(port)

    def release(self, port: int) -> None:
        if port in self._taken:
            self._taken.remove(port)
            self._resting[port] = self._clock() + REST


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
