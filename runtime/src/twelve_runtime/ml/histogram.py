"""How the inputs and outputs of the last minute are spread over the bins of the model's reference, so that drift can be
told without logging a single input. What is counted leaves as `feature_hist` events and is forgotten.

Rows are kept for a moment and counted many at a time: that is what makes it cheap.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from twelve_runtime.ml import reference
from twelve_runtime.ml.model import Model
from twelve_runtime.ml.reference import Counts, Entry
from twelve_runtime.ml.tensors import Arrays

WINDOW = 60.0  # seconds
TOGETHER = 512  # rows that are counted at once
ROOM = 3200  # bytes of a line for features; more of them come in more lines


class Histogram:
    """`tell` gets an event's name and fields. May be used from any thread."""

    def __init__(self, model: Model, tell: Callable[..., None], clock: Callable[[], float] = time.monotonic) -> None:
        self._model, self._tell, self._clock = model, tell, clock
        self._entries = _countable(model.manifest.reference)
        signature = model.manifest.signature
        tensors = {tensor.name for tensor in (*signature.inputs, *signature.outputs)}
        self._tensors = tensors & {name.partition("[")[0] for name in self._entries}
        self._waiting: list[Arrays] = []
        self._waiting_rows = self._rows = 0
        self._counts: dict[str, Counts] = {}
        self._begun = clock()
        self._lock = threading.Lock()

    def add(self, inputs: Arrays, outputs: Arrays, rows: int) -> None:
        if not self._tensors:
            return
        with self._lock:
            self._waiting.append({**inputs, **outputs})
            self._waiting_rows += rows
            if self._waiting_rows >= TOGETHER:
                self._count()
        self.tick()

    def tick(self) -> None:
        if self._clock() - self._begun >= WINDOW:
            self.flush()

    def flush(self) -> None:
        with self._lock:
            self._count()
            rows, self._rows = self._rows, 0
            counts, self._counts = self._counts, {}
            seconds, self._begun = self._clock() - self._begun, self._clock()
        manifest = self._model.manifest
        for part in _parts(counts):
            self._tell(
                "feature_hist", model_name=manifest.name, model_version=manifest.version,
                model_sha256=self._model.digest, window_s=round(seconds, 1), rows=rows, features=part,
            )  # fmt: skip

    def _count(self) -> None:
        waiting, self._waiting = self._waiting, []
        rows, self._waiting_rows = self._waiting_rows, 0
        self._rows += rows
        for tensor in self._tensors:
            pieces = [np.atleast_1d(arrays[tensor]) for arrays in waiting if tensor in arrays]
            for name, column in reference.features(tensor, np.concatenate(pieces)).items() if pieces else ():
                if entry := self._entries.get(name):
                    counts = reference.count(entry, column)
                    self._counts[name] = self._counts.get(name, reference.none(entry)).plus(counts)


def _countable(entries: Mapping[str, Any]) -> dict[str, Entry]:
    """What another version of the format may hold beside these is left alone."""
    kinds = {"numeric": "edges", "category": "values"}
    return {
        name: entry
        for name, entry in entries.items()
        if isinstance(entry, Mapping)
        and isinstance(entry.get(kinds.get(entry.get("kind", ""), "")), list)
        and isinstance(entry.get("p"), list)
        and len(entry["p"]) == len(entry[kinds[entry["kind"]]]) + (entry["kind"] == "numeric")
    }


def _parts(counts: Mapping[str, Counts]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    left = 0
    for name, found in counts.items():
        shown = _shown(found)
        size = len(name) + len(repr(shown)) + 4
        if size > left:
            parts.append({})
            left = ROOM
        parts[-1][name] = shown
        left -= size
    return parts


def _shown(found: Counts) -> dict[str, Any]:
    fields: dict[str, Any] = {"counts": found.counts}
    return fields | {name: value for name in ("missing", "unseen") if (value := getattr(found, name))}
