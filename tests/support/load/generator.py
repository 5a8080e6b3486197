"""The schedule: every request leaves at its time, and what became of it is counted."""

import asyncio
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.support.load.exchanges import Get
from tests.support.load.wire import Target


@dataclass(frozen=True)
class Failure:
    """A request that left `at` seconds after the start of the load and was lost `took` seconds later."""

    at: float
    what: str
    took: float = 0.0


@dataclass
class Outcome:
    """`bodies` counts the answers; of a WebSocket, how it was closed."""

    sent: int = 0
    failures: list[Failure] = field(default_factory=list)
    bodies: Counter = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)

    @property
    def slowest(self):
        return max(self.took, default=0.0)

    def percentile(self, share):
        return sorted(self.took)[int(share * (len(self.took) - 1))] if self.took else 0.0


class Load:
    """`rate` requests a second: GETs of `path` on new connections or on `keep_alive` of them, or another `exchange`.

    `headers` are whole lines, for the GETs.

    `stop` (or leaving the block) waits for every answer. Results are in `outcome`, `sent`, `failures`.
    """

    def __init__(
        self, port, host, *, rate=100.0, path="/", keep_alive=0, headers="", timeout=30.0, address="127.0.0.1",
        exchange=None,
    ):  # fmt: skip
        self.outcome = Outcome()
        self._target = Target(address, port, host)
        self._exchange = exchange or Get(path, keep_alive, headers)
        self._rate, self._timeout = rate, timeout
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)

    @property
    def sent(self):
        return self.outcome.sent

    @property
    def failures(self):
        return self.outcome.failures

    @property
    def unrepeatable(self):
        """A request in flight on a process that dies is lost with it: nothing may send it once more."""
        return not self._exchange.repeatable

    def now(self):
        """Seconds since the start, as in a failure's `at`."""
        return time.monotonic() - self.begun

    def start(self):
        self.begun = time.monotonic()
        self._thread.start()
        return self

    def no_more(self):
        """Nothing new leaves; what is on its way is still waited for."""
        self._stop.set()

    def stop(self):
        self.no_more()
        self._thread.join(self._timeout + 10)
        assert not self._thread.is_alive(), "the load did not end"
        return self.outcome

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    async def _run(self):
        tasks, number = set(), 0
        while not self._stop.is_set():
            task = asyncio.create_task(self._one())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
            await asyncio.sleep(max(0, self.begun + number / self._rate - time.monotonic()))
        if tasks:
            await asyncio.wait(tasks)
        self._exchange.close()

    async def _one(self):
        begun = time.monotonic()
        self.outcome.sent += 1
        try:
            status, body = await asyncio.wait_for(self._exchange.run(self._target), self._timeout)
            if status >= 400:
                self._fail(begun, f"status {status}")
            self.outcome.bodies[body] += 1
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            self._fail(begun, repr(error))
        self.outcome.took.append(time.monotonic() - begun)

    def _fail(self, begun, what):
        took = time.monotonic() - begun
        self.outcome.failures.append(Failure(round(begun - self.begun, 3), what, round(took, 3)))
