"""How long each app's requests took, from a sample of the router's lines. Runs in the thread that reads these.

The sum of the weights is the exact number of lines. Memory is bounded by the apps and processes that had requests.
"""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from twelve.core.formats import router_line
from twelve.core.model.metrics import Latency
from twelve.core.policy import latency

SAMPLED = 8  # lines of a chunk, which holds up to about 500
DICE = secrets.SystemRandom()
STEP, STEPS = 10.0, 6  # the last minute, in steps of seconds


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


class _Minute:
    """The newest step last; one that nobody adds to costs nothing."""

    def __init__(self) -> None:
        self._steps: deque[tuple[int, _Sum]] = deque(maxlen=STEPS)

    def add(self, step: int, milliseconds: int, count: int) -> None:
        if not self._steps or self._steps[-1][0] != step:
            self._steps.append((step, _Sum()))
        self._steps[-1][1].add(milliseconds, count)

    def read(self, step: int) -> Latency:
        return latency.merged([part.read() for number, part in self._steps if number > step - STEPS])

    def is_over(self, step: int) -> bool:
        return not self._steps or self._steps[-1][0] <= step - STEPS


class _App:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.whole = _Sum()
        self.minute = _Minute()
        self.processes: dict[bytes, _Minute] = {}
        self.unserved: dict[str, int] = {}

    def add(self, step: int, count: int, times: Sequence[tuple[bytes, int]]) -> None:
        """The times stand for `count` requests in equal parts."""
        share, rest = divmod(max(count, len(times)), len(times))
        for place, (process, milliseconds) in enumerate(times):
            weight = share + (place < rest)
            self.whole.add(milliseconds, weight)
            self.minute.add(step, milliseconds, weight)
            one = self.processes.get(process) or self._process(process, step)
            one.add(step, milliseconds, weight)

    def _process(self, process: bytes, step: int) -> _Minute:
        """A new one, and a moment to forget those that are gone."""
        self.processes = {name: one for name, one in self.processes.items() if not one.is_over(step)}
        return self.processes.setdefault(process, _Minute())


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
                kept.add(self._step(), count - sum(unserved.values()), times)

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
        with kept.lock:
            return kept.minute.read(self._step())

    def recent_by_process(self, app: str) -> dict[str, Latency]:
        """The same by name; during a rollout the two of a name count together."""
        kept = self._apps.get(app)
        if kept is None:
            return {}
        parts: dict[str, list[Latency]] = {}
        with kept.lock:
            for label, minute in kept.processes.items():
                parts.setdefault(label.decode(errors="replace").rstrip(":"), []).append(minute.read(self._step()))
        return {name: latency.merged(found) for name, found in parts.items()}

    def unserved(self, app: str) -> dict[str, int]:
        """Requests no process was there for, by class of the status they got; exact."""
        kept = self._apps.get(app)
        if kept is None:
            return {}
        with kept.lock:
            return dict(kept.unserved)

    def forget(self, app: str) -> None:
        self._apps.pop(app, None)

    def _step(self) -> int:
        return int(self._clock() // STEP)
