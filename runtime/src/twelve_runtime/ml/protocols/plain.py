"""`POST /predict`: records as the app's own code would write them, by the names of the model's inputs."""

from collections.abc import Mapping
from typing import Any

import orjson

from twelve_runtime.artifacts.tensors import Signature
from twelve_runtime.ml import tensors
from twelve_runtime.ml.errors import BadInput
from twelve_runtime.ml.model import Answer, Call
from twelve_runtime.ml.protocols.dialect import OPTIONS, About, Asked, Dialect, Written, json, message, objects, records
from twelve_runtime.ml.tensors import Array


def read(body: bytes, headers: Mapping[bytes, bytes], signature: Signature | None) -> Asked:
    return asked(json(body, headers), signature)


def asked(document: object, signature: Signature | None) -> Asked:
    if not isinstance(document, dict):
        raise BadInput("A record is an object, and so is what holds several of them.")
    found = document.get("records", document)
    single = found is document
    listed = [document] if single else found
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        raise BadInput('"records" is not a list of objects.')
    return Asked(arrays(listed, signature), document, single=single)


def arrays(listed: list[dict[str, Any]], signature: Signature | None) -> dict[str, Array]:
    """One array an input, a row a record. What the model does not take is let pass."""
    if signature is None:
        return {name: objects([one.get(name) for one in listed]) for name in listed[0]} or {"": objects([None])}
    try:
        return {tensor.name: tensors.read(tensor, [one[tensor.name] for one in listed]) for tensor in signature.inputs}
    except KeyError as absent:
        raise BadInput(f'A record has no "{absent.args[0]}".') from None


def write(asked: Asked, call: Call, answer: Answer, about: About) -> Written:
    return orjson.dumps(document(asked, call, answer, about), option=OPTIONS), None


def document(asked: Asked, call: Call, answer: Answer, about: About) -> dict[str, Any]:
    meta = {"_meta": {"model": about.model, "version": answer.level.version, **about.meta(call, answer)}}
    found = records(answer)
    return {**found[0], **meta} if asked.single else {"records": found, **meta}


DIALECT = Dialect(read, write, message)
