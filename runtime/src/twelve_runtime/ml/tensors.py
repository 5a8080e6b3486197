"""JSON <-> arrays, by the model's signature: what a request says is checked before a model sees it, and what a model
says before a client does.

Datatypes are those of the Open Inference Protocol. Casts: int to float, float to float, int to int when it fits.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twelve_runtime.artifacts.tensors import Tensor, Value
from twelve_runtime.ml.errors import BadInput

Array = NDArray[Any]
Arrays = Mapping[str, Array]
DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    **{f"{sign}INT{bits}": np.dtype(f"{sign.lower()}int{bits}") for sign in ("", "U") for bits in (8, 16, 32, 64)},
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BYTES": np.dtype(object),
}
FLOATS = [dtype for dtype in DTYPES.values() if dtype.kind == "f"]
ACCEPTED = {"b": "b", "i": "iu", "u": "iu", "f": "fiu"}  # kind of the tensor -> kinds of what was sent
HARMLESS = {dtype: float(np.finfo(dtype).max) / 2 for dtype in FLOATS}
FEW = 256
MOST = 32  # dimensions that are said
WORDS = {"b": "booleans", "i": "whole numbers", "u": "whole numbers", "f": "numbers", "O": "strings"}


def read(tensor: Tensor, data: object, shape: Sequence[int] | None = None) -> Array:
    """An array as the signature has it. `shape`: what the client says it is, with data flat or nested."""
    dtype = DTYPES[tensor.datatype]
    if not isinstance(data, list):
        raise BadInput(f'The data of input "{tensor.name}" is not a list.')
    found = _strings(tensor, data) if dtype.kind == "O" else _numbers(tensor, data, dtype)
    if shape is not None:
        return _shaped(tensor, found, shape)
    _check_shape(tensor, found.shape)
    return found


def accept(tensor: Tensor, found: Array, shape: Sequence[int]) -> Array:
    """The same for what came as flat arrays, of a datatype that may be taken for the signature's."""
    dtype = DTYPES[tensor.datatype]
    if dtype.kind != "O" and found.size:
        found = _floats(tensor, found, dtype) if dtype.kind == "f" else _whole(tensor, found, dtype)
    return _shaped(tensor, found, shape)


def _shaped(tensor: Tensor, found: Array, shape: Sequence[int]) -> Array:
    if math.prod(shape) != found.size:
        means = f"shape {_short(shape)} means {str(math.prod(shape))[:40]}"
        raise BadInput(f'Input "{tensor.name}" has {found.size} values, but {means}.')
    _check_shape(tensor, tuple(shape))
    try:
        return found.reshape(shape)
    except (ValueError, OverflowError):  # nothing, in more than there can be of it
        raise BadInput(f'Input "{tensor.name}" cannot have shape {_short(shape)}.') from None


def _check_shape(tensor: Tensor, shape: tuple[int, ...]) -> None:
    if not fits(tensor, shape):
        raise BadInput(f'Input "{tensor.name}" has shape {_short(shape)}; the model takes {list(tensor.shape)}.')


def _short(shape: Sequence[int]) -> str:
    return str(list(shape[:MOST]))[:80]


def fits(tensor: Tensor, shape: tuple[int, ...]) -> bool:
    wanted = tensor.shape
    if len(shape) != len(wanted):
        return False
    if shape[1:] == wanted[1:]:  # as nearly always: rows are open, the rest is not
        return not shape or wanted[0] in (-1, shape[0])
    return all(need in (-1, size) for size, need in zip(shape, wanted, strict=True))


def rows(tensors: Sequence[Tensor], arrays: Arrays) -> int:
    """How many records there are: the first dimension of all inputs that leave it open."""
    found = None
    for tensor in tensors:
        if tensor.shape and tensor.shape[0] == -1:
            size = arrays[tensor.name].shape[0]
            if found not in {None, size}:
                raise BadInput(f'Input "{tensor.name}" has {size} rows, another one has {found}.')
            found = size
    if found == 0:
        raise BadInput("There is no row to predict.")
    return 1 if found is None else found


def wrong(tensors: Sequence[Tensor], arrays: Arrays, count: int) -> str:
    """Why a model's answer is not what its signature promises; empty when it is."""
    for tensor in tensors:
        array = arrays.get(tensor.name)
        if array is None:
            return f'the output "{tensor.name}" is missing'
        dtype = DTYPES[tensor.datatype]
        if array.dtype != dtype and not (dtype.kind == "O" and array.dtype.kind == "U"):
            return f'the output "{tensor.name}" is {array.dtype}, not {tensor.datatype}'
        shape = array.shape
        if not fits(tensor, shape) or (tensor.shape[:1] == (-1,) and shape[0] != count):
            return f'the output "{tensor.name}" has shape {list(shape)}, not {list(tensor.shape)} of {count} rows'
        if dtype.kind == "f" and not tensor.nonfinite and not finite(array):
            return f'the output "{tensor.name}" holds a number that is not finite'
    return ""


def finite(array: Array) -> bool:
    """Of few numbers the interpreter knows sooner than numpy: their sum is finite only if all of them are."""
    if array.size <= FEW and math.isfinite(sum(array.ravel().tolist())):
        return True
    return bool(np.isfinite(array).all())


def cast(tensors: Sequence[Tensor], found: Arrays) -> dict[str, Array]:
    """What Python code gave, in the datatypes of the signature, where that loses no meaning."""
    given = {}
    for tensor in tensors:
        if tensor.name in found:
            array, dtype = np.asarray(found[tensor.name]), DTYPES[tensor.datatype]
            given[tensor.name] = array.astype(dtype, copy=False) if _castable(array.dtype, dtype) else array
    return given


def array(value: Value) -> Array:
    """A tensor of a golden example; its None is NaN."""
    dtype = DTYPES[value.datatype]
    data = [math.nan if item is None else item for item in value.data] if dtype.kind == "f" else list(value.data)
    return np.array(data, dtype=dtype).reshape(value.shape)


def plain(found: Array) -> Any:
    """What the JSON encoder takes as it is: it knows arrays of numbers, not of strings."""
    return found.tolist() if found.dtype.kind in "OU" else np.ascontiguousarray(found)


def as_json(document: Any) -> Any:
    """With lists and numbers where there are arrays."""
    if isinstance(document, dict):
        return {name: as_json(value) for name, value in document.items()}
    if isinstance(document, list):
        return [as_json(value) for value in document]
    return document.tolist() if isinstance(document, np.ndarray | np.generic) else document


def _castable(given: np.dtype[Any], wanted: np.dtype[Any]) -> bool:
    if wanted.kind == "f":
        return given.kind in "fiu"
    return (
        given.kind == wanted.kind or (wanted.kind in "iu" and given.kind in "iu") or (wanted.kind + given.kind == "OU")
    )


def _plain_floats(data: list[Any], dtype: np.dtype[Any]) -> Array | None:
    """One row of numbers, as nearly all requests have it; None for whatever has to be looked at more closely."""
    row = data[0] if len(data) == 1 and type(data[0]) is list else data
    try:
        small = math.hypot(*row) <= HARMLESS[dtype]  # a string or a list raises; NaN is never less
    except (TypeError, OverflowError):
        return None
    return np.array(data, dtype=dtype) if small and row and type(row[0]) is not bool else None


def _numbers(tensor: Tensor, data: list[Any], dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "f" and (plain := _plain_floats(data, dtype)) is not None:
        return plain
    try:
        found = np.array(data)
    except ValueError:
        raise BadInput(f'Input "{tensor.name}" is ragged: its rows have different lengths.') from None
    if not found.size:
        return found.astype(dtype)
    if found.dtype.kind == "O" and tensor.nonfinite and dtype.kind == "f":
        found = _with_gaps(tensor, found)
    if found.dtype.kind not in ACCEPTED[dtype.kind]:
        raise BadInput(f'Input "{tensor.name}" is {tensor.datatype}: {WORDS[dtype.kind]} are needed{_met(found)}.')
    if dtype.kind == "f":
        return _floats(tensor, found, dtype)
    return _whole(tensor, found, dtype)


def _floats(tensor: Tensor, found: Array, dtype: np.dtype[Any]) -> Array:
    with np.errstate(over="ignore"):
        found = found.astype(dtype, copy=False)
    if not tensor.nonfinite and not np.isfinite(found).all():
        raise BadInput(f'Input "{tensor.name}" holds a number that is not finite as {tensor.datatype}.')
    return found


def _whole(tensor: Tensor, found: Array, dtype: np.dtype[Any]) -> Array:
    if dtype.kind != "b" and found.dtype != dtype:
        limits = np.iinfo(dtype)
        if int(found.min()) < limits.min or int(found.max()) > limits.max:
            raise BadInput(f'Input "{tensor.name}" holds a number outside {tensor.datatype}.')
    return found.astype(dtype, copy=False)


def _with_gaps(tensor: Tensor, found: Array) -> Array:
    """null is NaN where the signature allows that."""
    items = found.ravel().tolist()
    if not all(item is None or type(item) in {int, float} for item in items):
        raise BadInput(f'Input "{tensor.name}" is {tensor.datatype}: numbers or null are needed.')
    return np.array([math.nan if item is None else item for item in items], dtype=np.float64).reshape(found.shape)


def _strings(tensor: Tensor, data: list[Any]) -> Array:
    try:
        found = np.array(data, dtype=object)
    except ValueError:
        raise BadInput(f'Input "{tensor.name}" is ragged: its rows have different lengths.') from None
    if not all(type(item) is str for item in found.ravel().tolist()):
        raise BadInput(f'Input "{tensor.name}" is BYTES: strings are needed.')
    return found


def _met(found: Array) -> str:
    if found.dtype.kind == "U":
        return ", not strings"
    if found.dtype.kind == "f":
        return ", without a fraction"
    return ", not booleans" if found.dtype.kind == "b" else ", all of one kind and size"
