"""How long each app's requests took, from a sample of the router's lines. Runs in the thread that reads these.

The sum of the weights is the exact number of lines; memory is bounded by the number of apps that had requests.
"""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable

from twelve.core.formats import router_line
from twelve.core.model.metrics import Latency
from twelve.core.policy import latency

SAMPLED = 8  # lines of a chunk, which holds up to about 500
DICE = secrets.SystemRandom()
STEP, STEPS = 5.0, 12  # the last minute, in steps of seconds


class _Sum:
    def __init__(self) -> None:
        self.buckets: dict[int, int] = {}
        self.total = 0.0

    def add(self, milliseconds: int, count: int) -> None:
        number = latency.bucket(milliseconds)
        self.buckets[number] = self.buckets.get(number, 0) + count
        self.total += milliseconds * count

    def read(self) -> Latency:
        return Latency(dict(self.buckets), self.total)


class _App:
    """`steps`: (number of the step, its sum), the newest last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.whole = _Sum()
        self.steps: deque[tuple[int, _Sum]] = deque(maxlen=STEPS)
        self.unserved: dict[str, int] = {}

    def step(self, number: int) -> _Sum:
        if not self.steps or self.steps[-1][0] != number:
            self.steps.append((number, _Sum()))
        return self.steps[-1][1]


class Traffic:
    """core.ports.RequestMeter. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, draw: Callable[[], float] = DICE.random) -> None:
        self._clock = clock
        self._draw = draw
        self._apps: dict[str, _App] = {}

    def observe(self, app: str, lines: bytes) -> None:
        count, times = router_line.timings(lines, SAMPLED, self._draw())
        unserved = router_line.unserved(lines)
        kept = self._apps.get(app) or self._apps.setdefault(app, _App())
        with kept.lock:
            for kind, number in unserved.items():
                kept.unserved[kind] = kept.unserved.get(kind, 0) + number
            if times:
                self._add(kept, count - sum(unserved.values()), times)

    def latency(self, app: str) -> Latency:
        """Since the server started."""
        kept = self._apps.get(app)
        if kept is None:
            return Latency()
        with kept.lock:
            return kept.whole.read()

    def recent(self, app: str) -> Latency:
        """Of the last minute."""
        kept = self._apps.get(app)
        if kept is None:
            return Latency()
        oldest = self._step() - STEPS
        with kept.lock:
            return latency.merged([part.read() for number, part in kept.steps if number > oldest])

    def unserved(self, app: str) -> dict[str, int]:
        """Requests no process was there for, by class of the status they got; exact."""
        kept = self._apps.get(app)
        if kept is None:
            return {}
        with kept.lock:
            return dict(kept.unserved)

    def forget(self, app: str) -> None:
        self._apps.pop(app, None)

    def _add(self, kept: _App, count: int, times: list[int]) -> None:
        share, rest = divmod(max(count, len(times)), len(times))
        step = kept.step(self._step())
        for place, milliseconds in enumerate(times):
            weight = share + (place < rest)
            kept.whole.add(milliseconds, weight)
            step.add(milliseconds, weight)

    def _step(self) -> int:
        return int(self._clock() // STEP)
