"""A process's models and its words: arrays in, an answer and its events out. Every protocol and every framework that
mounts us comes through here; nothing of a request outlives it.
"""

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

try:
    import numpy as np  # noqa: F401 - before anything of ours, so that what is absent is said in a sentence
    import orjson  # noqa: F401 - the same
except ImportError as absent:
    raise ImportError("twelve_runtime.ml.service needs numpy and orjson: install twelve-runtime[ml]") from absent

from twelve_runtime.artifacts.tensors import Signature
from twelve_runtime.ml import running, tensors
from twelve_runtime.ml.boot import Boot, Lineup
from twelve_runtime.ml.chain import Chain, Walk
from twelve_runtime.ml.emit import Stdout
from twelve_runtime.ml.errors import NotReady, Problem, TooLarge, Unknown, Unusable
from twelve_runtime.ml.events import Predictions
from twelve_runtime.ml.gather import Gatherer
from twelve_runtime.ml.histogram import Histogram
from twelve_runtime.ml.model import Answer, Call, Level, Model
from twelve_runtime.ml.running import Pool
from twelve_runtime.ml.settings import Settings, read
from twelve_runtime.ml.tensors import Arrays

SPREAD = 0.2  # how far the seconds between two tries vary


class Service:
    """Booted when it is made: Unusable (with its exit code) when nothing can be served.

    It may be made before a fork; `recover` then belongs to the parent.
    """

    def __init__(self, settings: Settings | None = None, *, out: Stdout | None = None) -> None:
        self.out = out or Stdout()
        begun = time.perf_counter()
        self.settings = settings or read()
        self._pool = Pool()
        self._submit = Gatherer(self._pool, self.settings.gather).submit
        self._histograms: dict[str, Histogram] = {}
        self._take(Boot(self.settings, self.out, self._submit).lineup())
        self._predictions = Predictions(self.settings, self.out)
        self.out.event("model_boot", step="ready", ms=round((time.perf_counter() - begun) * 1000, 1), ok=True,
                       model_name=self.settings.name, model_version=self.settings.version,
                       degraded=self.lineup.degraded)  # fmt: skip

    @property
    def signature(self) -> Signature | None:
        return self.lineup.chain.signature

    def level(self, version: str) -> Level:
        """A version that this process has loaded; whoever names it gets it or nothing."""
        found = self.lineup.levels.get(version)
        if found is None:
            raise Unknown(f"Version {version} of {self.settings.name} is not loaded here.")
        if not found.loaded:
            raise NotReady(f"Version {version} of {self.settings.name} could not be loaded.")
        return found

    def chain(self, call: Call, version: str | None) -> Chain:
        """A pinned version stands alone; otherwise the chain of the variant."""
        lineup = self.lineup
        if version is not None:
            chain = lineup.chain
            return Chain([self.level(version)], chain.signature, chain.timeout, chain.submit)
        return lineup.chains.get(call.variant or "") or lineup.chain

    async def answer(self, call: Call, inputs: Arrays, version: str | None = None) -> Answer:
        return await running.on_loop(self._walk(call, inputs, version))

    def answer_now(self, call: Call, inputs: Arrays, version: str | None = None) -> Answer:
        """The same for code without an event loop."""
        return running.in_thread(self._walk(call, inputs, version))

    def failed(self, call: Call, problem: Problem) -> None:
        """A request without a prediction leaves an event, too."""
        level = self.lineup.chain.levels[0]
        latency = time.perf_counter() - call.begun
        self._predictions.failed(call, level.version, level.digest, 0, latency, problem.kind)

    def recover(self) -> bool:
        """Try again to load what is missing; True when the primary is back. What serves goes on serving meanwhile."""
        known = {ref: model for model in self.lineup.models for ref in (model.manifest.version, model.digest)}
        try:
            lineup = Boot(self.settings, self.out, self._submit, known).lineup()
        except Unusable:
            return False
        if lineup.degraded:
            return False
        self._take(lineup)
        self.out.event("model_recovered", model_name=self.settings.name, model_version=self.settings.version)
        return True

    def tick(self) -> None:
        """Now and then: what was counted leaves also when no request comes."""
        for histogram in self._histograms.values():
            histogram.tick()

    def close(self) -> None:
        for histogram in self._histograms.values():
            histogram.flush()
        self._pool.close()
        self.out.flush()
        self._predictions.flush()

    def _take(self, lineup: Lineup) -> None:
        for histogram in self._histograms.values():
            histogram.flush()
        self._histograms = {model.digest: self._histogram(model) for model in lineup.models}
        self.lineup = lineup

    def _histogram(self, model: Model) -> Histogram:
        settings = self.settings
        where = {"app": settings.app, "release": settings.release, "process": settings.process}

        def tell(event: str, **fields: Any) -> None:
            self.out.event(event, **where, **fields)

        return Histogram(model, tell)

    def _walk(self, call: Call, inputs: Arrays, version: str | None) -> Walk:
        chain = self.chain(call, version)
        rows = tensors.rows(chain.signature.inputs, inputs) if chain.signature else len(next(iter(inputs.values())))
        if rows > self.settings.max_batch:
            raise TooLarge(f"{rows} rows are more than the {self.settings.max_batch} a request may have.")
        return chain.walk(inputs, rows)

    def told(self, call: Call, inputs: Arrays, answer: Answer) -> None:
        """An answer that is on its way, as an event and in the histogram."""
        self._predictions.answered(call, inputs, answer, time.perf_counter() - call.begun)
        if histogram := self._histograms.get(answer.level.digest or ""):
            histogram.add(inputs, answer.outputs, answer.rows)


class Recovery:
    """A thread that retries while the service is degraded. `then` is told once, after the primary is back."""

    def __init__(self, service: Service, then: Callable[[], None] = lambda: None) -> None:
        self._service, self._then = service, then
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        if service.lineup.degraded:
            self._thread = threading.Thread(target=self._run, name="recovery", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        retry = self._service.settings.retry
        while not self._stop.wait(retry * random.uniform(1 - SPREAD, 1 + SPREAD)):  # noqa: S311 - no secret
            with suppress(Exception):  # whatever it is, the next try may do better
                if self._service.recover():
                    self._then()
                    break
