"""The examples a model carries are replayed before it serves: it must answer here what it answered when it was made."""

import statistics
import time
from collections.abc import Callable

import numpy as np

from twelve_runtime.artifacts.manifest import Manifest
from twelve_runtime.artifacts.tensors import Golden, Value
from twelve_runtime.ml import tensors
from twelve_runtime.ml.errors import Rejected
from twelve_runtime.ml.tensors import Array, Arrays

Predict = Callable[[Arrays], Arrays]
TIMED = 5  # runs, at least: the first is often slow
ENOUGH = 0.25  # seconds spent on timing


def replay(manifest: Manifest, predict: Predict) -> float:
    """Seconds that a prediction takes, the median; Rejected when an answer is not the one promised."""
    for number, example in enumerate(manifest.golden, 1):
        if said := _difference(manifest, predict, example):
            raise Rejected(f"{manifest.ref} answers golden example {number} differently: {said}.")
    return _seconds(manifest.golden[0], predict)


def tried(manifest: Manifest, predict: Predict) -> float:
    """Seconds that a rule takes on the first example; Rejected when it raises. Its answer may be another one."""
    try:
        return _seconds(manifest.golden[0], predict)
    except Exception as error:
        raise Rejected(f"A rule raises on the model's golden example: {type(error).__name__}: {error}") from error


def inputs(example: Golden) -> dict[str, Array]:
    return {value.name: tensors.array(value) for value in example.inputs}


def _difference(manifest: Manifest, predict: Predict, example: Golden) -> str:
    given = inputs(example)
    try:
        found = predict(given)
    except Exception as error:  # noqa: BLE001 - whatever the model's code raises, the model is not served
        return f"it raises {type(error).__name__}: {error}"[:500]
    signature = manifest.signature
    if said := tensors.wrong(signature.outputs, found, tensors.rows(signature.inputs, given)):
        return said
    return next(filter(None, (_apart(value, found[value.name], example) for value in example.outputs)), "")


def _apart(value: Value, found: Array, example: Golden) -> str:
    wanted = tensors.array(value)
    if found.shape != wanted.shape:
        return f'"{value.name}" has shape {list(found.shape)}, not {list(wanted.shape)}'
    if wanted.dtype.kind == "f":
        same = np.isclose(found, wanted, rtol=example.rtol, atol=example.atol, equal_nan=True).all()
    else:
        same = (found == wanted).all()
    return "" if same else f'"{value.name}" differs'


def _seconds(example: Golden, predict: Predict) -> float:
    taken: list[float] = []
    given = inputs(example)
    while len(taken) < TIMED and sum(taken) < ENOUGH:
        begun = time.perf_counter()
        predict(given)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)
