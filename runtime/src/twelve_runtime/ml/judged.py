"""A version as the gate sees it: verified, loaded as a server would load it, measured, and asked about whole tables."""

import gc
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from twelve_runtime.artifacts import models
from twelve_runtime.artifacts.manifest import Manifest
from twelve_runtime.artifacts.store import Store
from twelve_runtime.ml import frameworks, golden
from twelve_runtime.ml.errors import Rejected
from twelve_runtime.ml.model import Predict
from twelve_runtime.ml.settings import Settings
from twelve_runtime.ml.tables import Table
from twelve_runtime.ml.tensors import Arrays

ROWS = 1024  # of one call
ROUND_SECONDS = 0.15
ROUND_CALLS = 200
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Judged:
    """`grown`: megabytes this process grew by when it loaded and asked the model."""

    manifest: Manifest
    digest: str
    grown: float
    predict: Predict = field(repr=False)

    @property
    def classes(self) -> Sequence[Any] | None:
        found = self.manifest.document.get("classes")
        return found if isinstance(found, list) else None

    def answers(self, table: Table) -> dict[str, np.ndarray[Any, Any]]:
        """What it says to every row of a table."""
        inputs = self.inputs(table)
        parts = [
            self.predict({name: values[start : start + ROWS] for name, values in inputs.items()})
            for start in range(0, len(table), ROWS)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def inputs(self, table: Table) -> Arrays:
        return {
            tensor.name: table.input(tensor.name, tensor.datatype, tensor.shape)
            for tensor in self.manifest.signature.inputs
        }

    def columns(self) -> list[str]:
        """Of a table: what the model looks at."""
        return [
            name
            for tensor in self.manifest.signature.inputs
            for name in (
                [tensor.name]
                if len(tensor.shape) == 1
                else [f"{tensor.name}[{at}]" for at in range(int(np.prod(tensor.shape[1:])))]
            )
        ]


def load(store: Store, resolved: models.Resolved, settings: Settings) -> Judged:
    """Refused, Rejected: it would not be loaded for serving either."""
    directory = models.fetch(store, resolved, settings.cache, allow_pickle=settings.allow_pickle)
    before = resident()
    predict = frameworks.load(resolved.manifest, directory, settings)
    for example in resolved.manifest.golden:
        try:
            predict(golden.inputs(example))
        except Exception as error:
            raise Rejected(f"{resolved.manifest.ref} raises {type(error).__name__} for a golden example.") from error
    return Judged(resolved.manifest, resolved.digest, max(0.0, resident() - before), predict)


def resident() -> float:
    """Megabytes of memory this process has now."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


def slowest(judged: Mapping[str, Judged]) -> Iterator[dict[str, float]]:
    """Milliseconds below which 99 % of the calls with a golden example stay, round after round: the best of all so far,
    as what else the machine does only ever makes calls slower. All are asked in turns, so they meet the same machine.
    """
    best = dict.fromkeys(judged, float("inf"))
    while True:
        for name, one in judged.items():
            best[name] = min(best[name], _round(one))
        yield dict(best)


def _round(judged: Judged) -> float:
    given = [golden.inputs(example) for example in judged.manifest.golden]
    taken: list[float] = []
    end = time.perf_counter() + ROUND_SECONDS
    while len(taken) < 3 or (len(taken) < ROUND_CALLS and time.perf_counter() < end):
        inputs = given[len(taken) % len(given)]
        begun = time.perf_counter()
        judged.predict(inputs)
        taken.append((time.perf_counter() - begun) * 1000)
    return float(np.quantile(taken, 0.99))
