"""What a protocol is to the server: bytes to arrays, an answer to bytes, a problem to bytes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from twelve_runtime.artifacts.tensors import Signature
from twelve_runtime.ml.errors import BadInput, Problem, WrongType
from twelve_runtime.ml.model import Answer, Call
from twelve_runtime.ml.tensors import Array, Arrays, plain

JSON = b"application/json"
OPTIONS = orjson.OPT_SERIALIZE_NUMPY
Written = tuple[bytes, int | None]  # a body, and how many bytes of it are JSON, where something stands behind it


@dataclass(slots=True)
class Asked:
    """`outputs`: which of them are wanted, None for all; `binary`: which of them behind the JSON. `single`: one record,
    not a list of them.
    """

    inputs: Arrays
    document: Any
    id: str | None = None
    outputs: frozenset[str] | None = None
    binary: frozenset[str] = frozenset()
    single: bool = False


@dataclass(frozen=True, slots=True)
class About:
    """What an answer tells of the model beside the outputs."""

    model: str
    release: str | None

    def meta(self, call: Call, answer: Answer) -> dict[str, Any]:
        fields = {
            "prediction_id": call.prediction_id,
            "release": self.release or call.release,
            "variant": call.variant,
            "fallback": answer.fallback,
        }
        return fields if answer.reason is None else fields | {"fallback_reason": answer.reason}


@dataclass(frozen=True, slots=True)
class Dialect:
    read: Callable[[bytes, Mapping[bytes, bytes], Signature | None], Asked]
    write: Callable[[Asked, Call, Answer, About], Written]
    error: Callable[[Problem], bytes]
    late: int = 500  # the status when every level was too late


def json(body: bytes, headers: Mapping[bytes, bytes], also: bytes = JSON) -> dict[str, Any]:
    """The object in the body. NaN and Infinity are not JSON. `also`: another content type that may be JSON."""
    kind = headers.get(b"content-type", JSON)
    if kind != JSON and kind.partition(b";")[0].strip().lower() not in {JSON, also}:
        raise WrongType(f"Content-Type is {kind.decode('latin-1')[:80]}; application/json is understood.")
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise WrongType("Compressed bodies are not understood.")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"The body is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise BadInput("The body is not a JSON object.")
    return document


def records(answer: Answer) -> list[dict[str, Any]]:
    columns = {name: _column(array) for name, array in answer.outputs.items()}
    return [{name: _item(column, row) for name, column in columns.items()} for row in range(answer.rows)]


def _column(array: Array) -> Any:
    """Floats keep their width, so that 0.1 is not written with 17 digits; single integers are none to the encoder."""
    return array.tolist() if array.ndim == 1 and array.dtype.kind != "f" else plain(array)


def _item(column: Any, row: int) -> Any:
    """Outputs without a dimension for rows are every row's."""
    if isinstance(column, list):
        return column[row]
    return column[row] if column.ndim else column.item()


def objects(data: Any) -> Array:
    """Where no signature is known, because no model could be loaded: anything, for rules and defaults."""
    try:
        return np.atleast_1d(np.array(data, dtype=object))
    except ValueError:
        raise BadInput("The rows have different lengths.") from None


def message(problem: Problem) -> bytes:
    return orjson.dumps({"error": str(problem)})
