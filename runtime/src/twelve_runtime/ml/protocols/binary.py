"""The binary tensor extension of the Open Inference Protocol, which Triton's client uses unless it is told not to
(github.com/triton-inference-server/server, docs/protocol/extension_binary_data.md): tensors stand behind the JSON, in
its order, little-endian; each string has its length before it, in four bytes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from twelve_runtime.ml.errors import BadInput
from twelve_runtime.ml.tensors import DTYPES, Array

LENGTH = 4  # bytes before each string
UNKNOWN = ("classification", "shared_memory_region")  # other extensions' parameters: to ignore them would mislead


class Tail:
    """What of a body stands behind its JSON."""

    def __init__(self, body: bytes, headers: Mapping[bytes, bytes]) -> None:
        declared = headers.get(b"inference-header-content-length")
        if declared is None:
            self.json, self._rest = body, memoryview(b"")
            return
        if not declared.isdigit() or len(declared) > 9 or int(declared) > len(body):
            said = declared.decode("latin-1")[:40]
            raise BadInput(f"Inference-Header-Content-Length is {said}, but the body has {len(body)} bytes.")
        size = int(declared)
        self.json, self._rest = body[:size], memoryview(body)[size:]

    def take(self, name: str, size: object) -> memoryview:
        if type(size) is not int or size < 0:
            raise BadInput(f'The binary_data_size of input "{name}" is not a whole number.')
        if size > len(self._rest):
            raise BadInput(f'Input "{name}" has {size} bytes, but only {len(self._rest)} are left of the body.')
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def end(self) -> None:
        if self._rest:
            raise BadInput(f"The body has {len(self._rest)} bytes behind its last tensor.")


def decoded(name: str, datatype: str, raw: memoryview) -> Array:
    """A flat array of its own: aligned, and free to be written to."""
    dtype = DTYPES[datatype]
    if dtype.kind == "O":
        return _strings(name, raw)
    if len(raw) % dtype.itemsize:
        raise BadInput(f'Input "{name}" has {len(raw)} bytes, which is no whole number of {datatype}.')
    if dtype.kind == "b":
        return np.frombuffer(raw, np.uint8).astype(dtype)
    return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype)


def encoded(array: Array) -> bytes | None:
    """None when it holds what only JSON can say: a default's null."""
    if array.dtype.kind not in "OU":
        return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    items = array.ravel().tolist()
    if not all(type(item) is str for item in items):
        return None
    texts = [item.encode("utf-8", "replace") for item in items]
    return b"".join(len(text).to_bytes(LENGTH, "little") + text for text in texts)


def flag(parameters: object, name: str, *, usual: bool = False) -> bool:
    """Whether the parameter `name` is set: of an output, or of the whole request."""
    if parameters is None:
        return usual
    if not isinstance(parameters, dict):
        raise BadInput('"parameters" is not an object.')
    for unknown in UNKNOWN:
        if unknown in parameters:
            raise BadInput(f'The parameter "{unknown}" is of an extension that is not supported.')
    found: Any = parameters.get(name, usual)
    if not isinstance(found, bool):
        raise BadInput(f'The parameter "{name}" is neither true nor false.')
    return found


def _strings(name: str, raw: memoryview) -> Array:
    found, place = [], 0
    while place < len(raw):
        end = place + LENGTH + int.from_bytes(raw[place : place + LENGTH], "little")
        if end > len(raw):
            raise BadInput(f'Input "{name}" ends in the middle of a string.')
        found.append(bytes(raw[place + LENGTH : end]))
        place = end
    try:
        return np.array([text.decode() for text in found], dtype=object)
    except UnicodeDecodeError:
        raise BadInput(f'Input "{name}" holds a string that is not UTF-8.') from None
