"""What goes into a model and comes out of it, and the examples that are replayed before it serves."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from twelve_runtime.artifacts.errors import Refused
from twelve_runtime.artifacts.names import shown

FLOATS = ("FP16", "FP32", "FP64")
WHOLE = ("UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64")
DATATYPES = ("BOOL", *WHOLE, *FLOATS, "BYTES")
MOST_TENSORS = 1024
MOST_DIMENSIONS = 16
MOST_EXAMPLES = 16
LONGEST_NAME = 256
RTOL, ATOL = 1e-4, 1e-5


@dataclass(frozen=True, slots=True)
class Tensor:
    """-1 in `shape` is any number. `nonfinite`: NaN and infinities are answers, not failures."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    nonfinite: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor's content, flat and row-major; None stands for NaN, which JSON does not have."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Golden:
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    rtol: float = RTOL
    atol: float = ATOL


def signature(entry: object) -> Signature:
    if not isinstance(entry, dict):
        raise Refused("The signature is missing: the inputs and outputs of the model.")
    return Signature(_tensors(entry.get("inputs"), "inputs"), _tensors(entry.get("outputs"), "outputs"))


def golden(entries: object, described: Signature) -> tuple[Golden, ...]:
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST_EXAMPLES:
        raise Refused(f"A model has 1 to {MOST_EXAMPLES} golden examples.")
    return tuple(_golden(entry, described) for entry in entries)


def stands_in(fallback: Signature, primary: Signature) -> str:
    """Why a model cannot answer in another's place; empty when it can: the same inputs, at least the same outputs."""
    if sorted(fallback.inputs, key=_name) != sorted(primary.inputs, key=_name):
        return "it takes other inputs"
    given = {output.name: output.datatype for output in fallback.outputs}
    for output in primary.outputs:
        if given.get(output.name) != output.datatype:
            return f'it does not give the output "{output.name}" as {output.datatype}'
    return ""


def _name(tensor: Tensor) -> str:
    return tensor.name


def _tensors(entries: object, what: str) -> tuple[Tensor, ...]:
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST_TENSORS:
        raise Refused(f"The signature's {what} are not a list of 1 to {MOST_TENSORS} tensors.")
    found = tuple(_tensor(entry) for entry in entries)
    _distinct((tensor.name for tensor in found), what)
    return found


def _tensor(entry: object) -> Tensor:
    if not isinstance(entry, dict):
        raise Refused("A tensor of the signature is an object with name, datatype and shape.")
    name, datatype, shape = _described(entry)
    if any(size == 0 or size < -1 for size in shape):
        raise Refused(f"The shape of {shown(name)} is {list(shape)}; a dimension is a number from 1, or -1 for any.")
    return Tensor(name, datatype, shape, entry.get("nonfinite") is True)


def _described(entry: dict[str, Any]) -> tuple[str, str, tuple[int, ...]]:
    name, datatype, shape = entry.get("name"), entry.get("datatype"), entry.get("shape")
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
        raise Refused(f"A tensor's name is {shown(name)}.")
    if datatype not in DATATYPES:
        raise Refused(f"The datatype of {shown(name)} is {shown(datatype)}; known are {', '.join(DATATYPES)}.")
    if not isinstance(shape, list) or len(shape) > MOST_DIMENSIONS or any(type(size) is not int for size in shape):
        raise Refused(f"The shape of {shown(name)} is {shown(shape)}, not a list of at most {MOST_DIMENSIONS} numbers.")
    return name, str(datatype), tuple(shape)


def _golden(entry: object, described: Signature) -> Golden:
    if not isinstance(entry, dict):
        raise Refused("A golden example is an object with inputs and outputs.")
    return Golden(
        _values(entry.get("inputs"), described.inputs, "inputs"),
        _values(entry.get("outputs"), described.outputs, "outputs"),
        _tolerance(entry, "rtol", RTOL),
        _tolerance(entry, "atol", ATOL),
    )


def _values(entries: object, tensors: tuple[Tensor, ...], what: str) -> tuple[Value, ...]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Refused(f"The {what} of a golden example are not a list of tensors.")
    found = tuple(_value(entry) for entry in entries)
    _distinct((value.name for value in found), what)
    known = {tensor.name: tensor for tensor in tensors}
    if {value.name for value in found} != set(known):
        raise Refused(f"The {what} of a golden example are not those of the signature.")
    for value in found:
        _fits(value, known[value.name])
    return found


def _value(entry: dict[str, Any]) -> Value:
    name, datatype, shape = _described(entry)
    data = entry.get("data")
    if any(size < 0 for size in shape) or not isinstance(data, list) or len(data) != math.prod(shape):
        raise Refused(f"The golden example of {shown(name)} does not hold as many values as its shape says.")
    if not all(_is_a(item, datatype) for item in data):
        raise Refused(f"The golden example of {shown(name)} holds a value that is no {datatype}.")
    return Value(name, datatype, shape, tuple(data))


def _is_a(item: object, datatype: str) -> bool:
    match datatype:
        case "BOOL":
            return isinstance(item, bool)
        case "BYTES":
            return isinstance(item, str)
        case "FP16" | "FP32" | "FP64":
            return item is None or type(item) in {int, float}
        case _:
            return type(item) is int


def _fits(value: Value, tensor: Tensor) -> None:
    same = len(value.shape) == len(tensor.shape) and all(
        wanted in {-1, size} for size, wanted in zip(value.shape, tensor.shape, strict=True)
    )
    if not same or value.datatype != tensor.datatype:
        raise Refused(
            f"A golden example of {shown(value.name)} is {value.datatype} {list(value.shape)}, "
            f"the signature says {tensor.datatype} {list(tensor.shape)}."
        )


def _tolerance(entry: dict[str, Any], key: str, usual: float) -> float:
    value = entry.get(key, usual)
    if type(value) not in {int, float} or not 0 <= value <= 1:
        raise Refused(f'"{key}" of a golden example is {shown(value)}, not a number from 0 to 1.')
    return float(value)


def _distinct(found: Iterable[str], what: str) -> None:
    listed = list(found)
    if len(set(listed)) != len(listed):
        raise Refused(f"Two of the {what} have the same name.")
