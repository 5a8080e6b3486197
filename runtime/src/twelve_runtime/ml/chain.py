"""One request down the chain: the primary, then each fallback, until one gives an answer that keeps its promise.

The walk is a generator that does no waiting: it yields what is to be waited for, so that the event loop, a thread and
a test each wait in their own way. Client errors never come here.
"""

import time
from asyncio import Future as LoopFuture
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from twelve_runtime.artifacts.tensors import Signature
from twelve_runtime.ml import tensors
from twelve_runtime.ml.errors import Exhausted, Saturated
from twelve_runtime.ml.model import Answer, Level
from twelve_runtime.ml.tensors import Arrays

Pending = Future[Arrays] | LoopFuture[Arrays]
Submit = Callable[[Level, Arrays], Pending | None]  # None: saturated
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Wait:
    """Send back what came of it, or throw what it raised: TimeoutError after so many seconds."""

    pending: Pending
    seconds: float


Walk = Generator[Wait, Arrays, Answer]
Said = tuple[Arrays | None, str]  # the outputs, or why there are none


@dataclass(frozen=True, slots=True)
class Chain:
    """The levels share one signature: that of the first model that was loaded; None when there is none."""

    levels: Sequence[Level]
    signature: Signature | None
    timeout: float
    submit: Submit
    clock: Clock = time.perf_counter

    @property
    def degraded(self) -> bool:
        return not self.levels[0].loaded

    def walk(self, inputs: Arrays, rows: int) -> Walk:
        end, reason = self.clock() + 2 * self.timeout, "not_loaded"
        first: str | None = None
        for number, level in enumerate(self.levels):
            outputs, reason = None, self._refused(level, end)
            if not reason:
                asked = self._now(level, inputs, rows) if level.inline else self._later(level, inputs, rows, end)
                outputs, reason = asked if isinstance(asked, tuple) else (yield from asked)
            if outputs is not None:
                return Answer(level, outputs, rows, number, first)
            first = first or reason
        raise Exhausted(reason)

    def _refused(self, level: Level, end: float) -> str:
        """Why this level is not even asked; empty when it is."""
        if level.predict is None:
            return "not_loaded"
        if level.certain:
            return ""
        if self.clock() >= end:
            return "timeout"
        return "" if level.breaker.admit() else "breaker_open"

    def _now(self, level: Level, inputs: Arrays, rows: int) -> Said:
        """What is late but right is used; it counts as a failure all the same."""
        assert level.predict
        if level.certain:
            return level.predict(inputs), ""
        begun = self.clock()
        try:
            outputs = level.predict(inputs)
        except Exception:  # noqa: BLE001 - whatever the model's code raises, the next level answers
            return self._failed(level, "exception")
        return self._judged(level, outputs, rows, late=self.clock() - begun > self.timeout)

    def _later(self, level: Level, inputs: Arrays, rows: int, end: float) -> Generator[Wait, Arrays, Said]:
        pending = self.submit(level, inputs)
        if pending is None:
            return self._saturated(level)
        try:
            outputs = yield Wait(pending, min(self.timeout, end - self.clock()))
        except GeneratorExit:
            level.breaker.abandoned()
            raise
        except Saturated:
            return self._saturated(level)
        except TimeoutError:
            return self._failed(level, "timeout")
        except Exception:  # noqa: BLE001 - whatever the model's code raises, the next level answers
            return self._failed(level, "exception")
        return self._judged(level, outputs, rows, late=False)

    def _judged(self, level: Level, outputs: Arrays, rows: int, *, late: bool) -> Said:
        if self._wrong(level, outputs, rows):
            return self._failed(level, "invalid_output")
        if late:
            level.breaker.failed()
        else:
            level.breaker.succeeded()
        return outputs, ""

    def _wrong(self, level: Level, outputs: Arrays, rows: int) -> str:
        if self.signature is None:
            return ""
        promised = self.signature.outputs
        if level.partial:
            promised = tuple(tensor for tensor in promised if tensor.name in outputs)
        return tensors.wrong(promised, outputs, rows) if promised else "none of the outputs"

    @staticmethod
    def _failed(level: Level, reason: str) -> Said:
        level.breaker.failed()
        return None, reason

    @staticmethod
    def _saturated(level: Level) -> Said:
        level.breaker.abandoned()
        return None, "saturated"
