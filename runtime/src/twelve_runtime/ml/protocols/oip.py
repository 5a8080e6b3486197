"""The Open Inference Protocol, version 2, over REST (github.com/kserve/open-inference-protocol, inference_rest.md):
tensors with name, shape, datatype and data, without the binary extension.
"""

import math
from collections.abc import Mapping
from typing import Any

import orjson

from twelve_runtime.artifacts.tensors import Signature, Tensor
from twelve_runtime.ml import tensors
from twelve_runtime.ml.errors import BadInput
from twelve_runtime.ml.model import Answer, Call, Model
from twelve_runtime.ml.protocols.dialect import OPTIONS, About, Asked, Dialect, json, message, objects
from twelve_runtime.ml.tensors import DTYPES, Array

DATATYPES = {dtype: name for name, dtype in DTYPES.items()}
PLATFORMS = {"onnx": "onnx_onnxv1", "sklearn-skops": "sklearn_skops", "pickle": "sklearn_pickle"}


def read(body: bytes, headers: Mapping[bytes, bytes], signature: Signature | None) -> Asked:
    if b"inference-header-content-length" in headers:
        raise BadInput("The binary tensor extension is not supported: send and ask for JSON (binary_data=False).")
    document = json(body, headers)
    sent = document.get("inputs")
    if not isinstance(sent, list) or not sent:
        raise BadInput('The request has no "inputs", a list of tensors.')
    id_ = document.get("id")
    if id_ is not None and not isinstance(id_, str):
        raise BadInput('The "id" is not a string.')
    if signature is None:
        return Asked({str(one.get("name")): _free(one) for one in _objects(sent)}, document, id_)
    return Asked(_arrays(sent, signature), document, id_, _wanted(document.get("outputs"), signature))


def write(asked: Asked, call: Call, answer: Answer, about: About) -> bytes:
    wanted = asked.outputs
    return orjson.dumps(
        {
            "model_name": about.model,
            "model_version": answer.level.version,
            "id": asked.id or call.prediction_id,
            "parameters": about.meta(call, answer),
            "outputs": [_tensor(n, a) for n, a in answer.outputs.items() if wanted is None or n in wanted],
        },
        option=OPTIONS,
    )


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


def _arrays(sent: list[Any], signature: Signature) -> dict[str, Array]:
    known = {tensor.name: tensor for tensor in signature.inputs}
    arrays: dict[str, Array] = {}
    for one in sent:
        name = one.get("name") if isinstance(one, dict) else None
        tensor = known.get(name) if isinstance(name, str) else None
        if tensor is None:
            raise BadInput(f"The model has no input {str(name)[:80]!r}; it takes {', '.join(known)}.")
        if tensor.name in arrays:
            raise BadInput(f'Input "{tensor.name}" is there twice.')
        arrays[tensor.name] = _array(tensor, one)
    if len(arrays) < len(known):
        raise BadInput(f"Input {', '.join(sorted(known.keys() - arrays.keys()))} is missing.")
    return arrays


def _array(tensor: Tensor, sent: dict[str, Any]) -> Array:
    datatype, shape = sent.get("datatype"), sent.get("shape")
    if datatype != tensor.datatype:
        _refuse_cast(tensor, datatype)
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise BadInput(f'The shape of input "{tensor.name}" is not a list of whole numbers.')
    return tensors.read(tensor, sent.get("data"), shape)


def _refuse_cast(tensor: Tensor, datatype: Any) -> None:
    if not isinstance(datatype, str) or datatype not in DTYPES:
        raise BadInput(f'The datatype of input "{tensor.name}" is {str(datatype)[:40]!r}, which the protocol lacks.')
    given, wanted = DTYPES[datatype].kind, DTYPES[tensor.datatype].kind
    if given not in tensors.ACCEPTED.get(wanted, wanted):
        raise BadInput(f'Input "{tensor.name}" is {tensor.datatype}; {datatype} cannot be taken for it.')


def _wanted(outputs: Any, signature: Signature) -> frozenset[str] | None:
    if outputs is None:
        return None
    if not isinstance(outputs, list) or not all(isinstance(one, dict) for one in outputs):
        raise BadInput('"outputs" is not a list of objects with a name.')
    names, known = [one.get("name") for one in outputs], {tensor.name for tensor in signature.outputs}
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise BadInput(f"The model has no output {str(name)[:80]!r}; it gives {', '.join(sorted(known))}.")
    return frozenset(names) or None


def _objects(sent: list[Any]) -> list[dict[str, Any]]:
    if not all(isinstance(one, dict) for one in sent):
        raise BadInput('"inputs" is not a list of tensors.')
    return sent


def _free(sent: dict[str, Any]) -> Array:
    found, shape = objects(sent.get("data")), sent.get("shape")
    if isinstance(shape, list) and all(type(size) is int and size > 0 for size in shape):
        return found.reshape(shape) if shape and math.prod(shape) == found.size else found
    return found


def _tensor(name: str, array: Array) -> dict[str, Any]:
    """Always flat."""
    flat = array.ravel()
    return {
        "name": name,
        "shape": array.shape,
        "datatype": DATATYPES.get(array.dtype, "BYTES"),
        "data": tensors.plain(flat),
    }


def _described(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}


DIALECT = Dialect(read, write, message)
