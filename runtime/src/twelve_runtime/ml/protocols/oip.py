"""The Open Inference Protocol, version 2, over REST (github.com/kserve/open-inference-protocol, inference_rest.md):
tensors with name, shape, datatype and data, as JSON or behind it (`binary`).
"""

import math
from collections.abc import Mapping
from typing import Any

import orjson

from twelve_runtime.artifacts.tensors import Signature, Tensor
from twelve_runtime.ml import tensors
from twelve_runtime.ml.errors import BadInput
from twelve_runtime.ml.model import Answer, Call, Model
from twelve_runtime.ml.protocols import binary
from twelve_runtime.ml.protocols.binary import Tail
from twelve_runtime.ml.protocols.dialect import OPTIONS, About, Asked, Dialect, Written, json, message, objects
from twelve_runtime.ml.tensors import DTYPES, Array

DATATYPES = {dtype: name for name, dtype in DTYPES.items()}
OCTETS, SIZE = b"application/octet-stream", b"inference-header-content-length"
MOST = 32  # dimensions
PLATFORMS = {"onnx": "onnx_onnxv1", "sklearn-skops": "sklearn_skops", "pickle": "sklearn_pickle"}


def read(body: bytes, headers: Mapping[bytes, bytes], signature: Signature | None) -> Asked:
    tail = Tail(body, headers)
    document = json(tail.json, headers, OCTETS)
    sent = document.get("inputs")
    if not isinstance(sent, list) or not sent:
        raise BadInput('The request has no "inputs", a list of tensors.')
    id_ = document.get("id")
    if id_ is not None and not isinstance(id_, str):
        raise BadInput('The "id" is not a string.')
    all_binary = binary.flag(document.get("parameters"), "binary_data_output")
    if signature is None:
        arrays: dict[str, Array] = {str(one.get("name")): _free(one, tail) for one in _objects(sent)}
        outputs, raw = None, frozenset[str]()
    else:
        arrays = _arrays(sent, signature, tail)
        outputs, raw = _wanted(document.get("outputs"), signature, all_binary=all_binary)
    tail.end()
    return Asked(arrays, document, id_, outputs, raw)


def write(asked: Asked, call: Call, answer: Answer, about: About) -> Written:
    wanted, pieces = asked.outputs, list[bytes]()
    said = orjson.dumps(
        {
            "model_name": about.model,
            "model_version": answer.level.version,
            "id": asked.id or call.prediction_id,
            "parameters": about.meta(call, answer),
            "outputs": [
                _tensor(name, array, pieces if name in asked.binary else None)
                for name, array in answer.outputs.items()
                if wanted is None or name in wanted
            ],
        },
        option=OPTIONS,
    )
    return (b"".join([said, *pieces]), len(said)) if pieces else (said, None)


def description(name: str, versions: list[str], model: Model | None, signature: Signature | None) -> dict[str, Any]:
    """The model's metadata."""
    framework = model.manifest.framework if model else "none"
    return {
        "name": name,
        "versions": versions,
        "platform": PLATFORMS.get(framework, f"twelve_{framework}"),
        "inputs": [_described(tensor) for tensor in signature.inputs] if signature else [],
        "outputs": [_described(tensor) for tensor in signature.outputs] if signature else [],
    }


def _arrays(sent: list[Any], signature: Signature, tail: Tail) -> dict[str, Array]:
    known = {tensor.name: tensor for tensor in signature.inputs}
    arrays: dict[str, Array] = {}
    for one in sent:
        name = one.get("name") if isinstance(one, dict) else None
        tensor = known.get(name) if isinstance(name, str) else None
        if tensor is None:
            raise BadInput(f"The model has no input {str(name)[:80]!r}; it takes {', '.join(known)}.")
        if tensor.name in arrays:
            raise BadInput(f'Input "{tensor.name}" is there twice.')
        arrays[tensor.name] = _array(tensor, one, tail)
    if len(arrays) < len(known):
        raise BadInput(f"Input {', '.join(sorted(known.keys() - arrays.keys()))} is missing.")
    return arrays


def _array(tensor: Tensor, sent: dict[str, Any], tail: Tail) -> Array:
    datatype, shape = sent.get("datatype"), sent.get("shape")
    if datatype != tensor.datatype:
        _refuse_cast(tensor, datatype)
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise BadInput(f'The shape of input "{tensor.name}" is not a list of whole numbers.')
    if (size := _binary_size(tensor.name, sent)) is not None:
        raw = tail.take(tensor.name, size)
        return tensors.accept(tensor, binary.decoded(tensor.name, str(datatype), raw), shape)
    return tensors.read(tensor, sent.get("data"), shape)


def _binary_size(name: str, sent: dict[str, Any]) -> object | None:
    parameters = sent.get("parameters")
    if parameters is None:
        return None
    binary.flag(parameters, "binary_data")
    size = parameters.get("binary_data_size")
    if size is not None and "data" in sent:
        raise BadInput(f'Input "{name}" has both "data" and "binary_data_size".')
    found: object = size
    return found


def _refuse_cast(tensor: Tensor, datatype: Any) -> None:
    if not isinstance(datatype, str) or datatype not in DTYPES:
        raise BadInput(f'The datatype of input "{tensor.name}" is {str(datatype)[:40]!r}, which the protocol lacks.')
    given, wanted = DTYPES[datatype].kind, DTYPES[tensor.datatype].kind
    if given not in tensors.ACCEPTED.get(wanted, wanted):
        raise BadInput(f'Input "{tensor.name}" is {tensor.datatype}; {datatype} cannot be taken for it.')


def _wanted(outputs: Any, signature: Signature, *, all_binary: bool) -> tuple[frozenset[str] | None, frozenset[str]]:
    """Which outputs, None for all; and which of them in binary."""
    if not outputs and (outputs is None or outputs == []):
        return None, frozenset(tensor.name for tensor in signature.outputs) if all_binary else frozenset()
    if not isinstance(outputs, list) or not all(isinstance(one, dict) for one in outputs):
        raise BadInput('"outputs" is not a list of objects with a name.')
    names, known = [one.get("name") for one in outputs], {tensor.name for tensor in signature.outputs}
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise BadInput(f"The model has no output {str(name)[:80]!r}; it gives {', '.join(sorted(known))}.")
    raw = [one["name"] for one in outputs if binary.flag(one.get("parameters"), "binary_data", usual=all_binary)]
    return frozenset(names), frozenset(raw)


def _objects(sent: list[Any]) -> list[dict[str, Any]]:
    if not all(isinstance(one, dict) for one in sent):
        raise BadInput('"inputs" is not a list of tensors.')
    return sent


def _free(sent: dict[str, Any], tail: Tail) -> Array:
    name, shape, datatype = str(sent.get("name")), sent.get("shape"), sent.get("datatype")
    if (size := _binary_size(name, sent)) is None:
        found = objects(sent.get("data"))
    elif isinstance(datatype, str) and datatype in DTYPES:
        found = binary.decoded(name, datatype, tail.take(name, size)).astype(object)
    else:
        raise BadInput(f'The datatype of input "{name}" is {str(datatype)[:40]!r}, which the protocol lacks.')
    if isinstance(shape, list) and 0 < len(shape) <= MOST and all(type(size) is int and size > 0 for size in shape):
        return found.reshape(shape) if math.prod(shape) == found.size else found
    return found


def _tensor(name: str, array: Array, pieces: list[bytes] | None) -> dict[str, Any]:
    """Always flat. `pieces` gets what stands behind the JSON; None: nothing does."""
    found = {"name": name, "shape": array.shape, "datatype": DATATYPES.get(array.dtype, "BYTES")}
    if pieces is not None and (raw := binary.encoded(array)) is not None:
        pieces.append(raw)
        return {**found, "parameters": {"binary_data_size": len(raw)}}
    found["data"] = tensors.plain(array.ravel())
    return found


def _described(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}


DIALECT = Dialect(read, write, message)
