"""Rules and defaults: levels that know records, not arrays. A record is a dict as `POST /predict` has it."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from twelve_runtime.artifacts.tensors import Signature
from twelve_runtime.ml import tensors
from twelve_runtime.ml.errors import Rejected
from twelve_runtime.ml.tensors import Array, Arrays

Record = dict[str, Any]
Rule = Callable[[Record], Mapping[str, Any]]


def function(target: str, variable: str) -> Callable[..., Any]:
    """`module:callable` of the app's own code, named in its environment."""
    module, _, path = target.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise Rejected(f"{variable}: {target} cannot be imported ({type(error).__name__}: {error}).") from error
    if not callable(found):
        raise Rejected(f"{variable}: {target} is not callable.")
    return found  # type: ignore[no-any-return]  # it has just been looked at


def by_rule(rule: Rule, signature: Signature | None) -> Callable[[Arrays], Arrays]:
    def predict(inputs: Arrays) -> Arrays:
        return columns([rule(record) for record in split(inputs)], signature)

    return predict


def by_default(fields: Mapping[str, Any]) -> Callable[[Arrays], Arrays]:
    def predict(inputs: Arrays) -> Arrays:
        count = max((len(array) for array in inputs.values() if array.ndim), default=1)
        return {name: _objects([value] * count) for name, value in fields.items()}

    return predict


def split(inputs: Arrays) -> list[Record]:
    lists = {name: array.tolist() for name, array in inputs.items()}
    count = max((len(array) for array in inputs.values() if array.ndim), default=1)
    return [{name: values[row] for name, values in lists.items()} for row in range(count)]


def columns(records: list[Mapping[str, Any]], signature: Signature | None) -> Arrays:
    found = {str(name): _objects([record[name] for record in records]) for name in records[0]}
    if signature is None:
        return found
    return tensors.cast(signature.outputs, {name: _typed(array) for name, array in found.items()})


def _objects(values: list[Any]) -> Array:
    return np.array(values, dtype=object)


def _typed(array: Array) -> Array:
    """Numbers as numbers, so that they can be compared with the signature; strings stay objects."""
    typed = np.array(array.tolist())
    return array if typed.dtype.kind == "U" else typed
