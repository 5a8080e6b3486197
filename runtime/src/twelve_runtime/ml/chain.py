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
            outputs, reason = yield from self._ask(level, inputs, rows, end)
            if outputs is not None:
                return Answer(level, outputs, rows, number, first)
            first = first or reason
        raise Exhausted(reason)

    def _ask(
        self, level: Level, inputs: Arrays, rows: int, end: float
    ) -> Generator[Wait, Arrays, tuple[Arrays | None, str]]:
        if level.certain and level.predict:
            return level.predict(inputs), ""
        if not level.predict:
            return None, "not_loaded"
        seconds = min(self.timeout, end - self.clock())
        if seconds <= 0:
            return None, "timeout"
        if not level.breaker.admit():
            return None, "breaker_open"
        return (yield from self._try(level, inputs, rows, seconds))

    def _try(
        self, level: Level, inputs: Arrays, rows: int, seconds: float
    ) -> Generator[Wait, Arrays, tuple[Arrays | None, str]]:
        begun = self.clock()
        try:
            outputs = yield from self._outputs(level, inputs, seconds)
        except GeneratorExit:
            level.breaker.abandoned()
            raise
        except Saturated:
            outputs = None
        except TimeoutError:
            return self._failed(level, "timeout")
        except Exception:  # noqa: BLE001 - whatever the model's code raises, the next level answers
            return self._failed(level, "exception")
        if outputs is None:
            level.breaker.abandoned()
            return None, "saturated"
        if self._wrong(level, outputs, rows):
            return self._failed(level, "invalid_output")
        if self.clock() - begun > self.timeout:
            level.breaker.failed()  # late but right: it counts, and the answer is used
        else:
            level.breaker.succeeded()
        return outputs, ""

    def _outputs(self, level: Level, inputs: Arrays, seconds: float) -> Generator[Wait, Arrays, Arrays | None]:
        if level.quick and not level.gathered and level.predict:
            return level.predict(inputs)
        pending = self.submit(level, inputs)
        return None if pending is None else (yield Wait(pending, seconds))

    def _wrong(self, level: Level, outputs: Arrays, rows: int) -> str:
        if self.signature is None:
            return ""
        promised = self.signature.outputs
        if level.partial:
            promised = tuple(tensor for tensor in promised if tensor.name in outputs)
        return tensors.wrong(promised, outputs, rows) if promised else "none of the outputs"

    @staticmethod
    def _failed(level: Level, reason: str) -> tuple[None, str]:
        level.breaker.failed()
        return None, reason
