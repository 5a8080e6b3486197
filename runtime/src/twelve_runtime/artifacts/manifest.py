"""What a model is: its files by digest, what goes in and comes out, examples that must come out the same.

A manifest is known by the SHA-256 of its exact stored bytes; it is never written again to be checked.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from twelve_runtime.artifacts import names, text
from twelve_runtime.artifacts.errors import Refused
from twelve_runtime.artifacts.names import shown
from twelve_runtime.artifacts.tensors import Golden, Signature, golden, signature

__all__ = ["LIMIT", "SCHEMA", "File", "Manifest", "digest", "encode", "files", "parse"]

SCHEMA = "twelve.model/1"
LIMIT = 16 * 1024 * 1024  # bytes of a manifest: 16 examples of images fit
MOST_FILES = 10_000
LARGEST = 1 << 50  # bytes of a file
FRAMEWORKS = ("onnx", "sklearn-skops", "safetensors", "pickle", "python")

encode = text.encode


@dataclass(frozen=True, slots=True)
class File:
    path: str
    sha256: str
    size: int
    role: str = "model"


@dataclass(frozen=True, slots=True)
class Manifest:
    """`document` is all of it, with the keys that this version of the format does not know."""

    name: str
    version: str
    framework: str
    files: tuple[File, ...]
    signature: Signature
    golden: tuple[Golden, ...]
    created: datetime
    opset: int | None = None
    requires: tuple[str, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    reference: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    lineage: Mapping[str, Any] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


def digest(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def parse(raw: bytes) -> Manifest:
    """Refused for anything that is not a whole and harmless manifest of this schema."""
    document = text.decode(raw, "The manifest", LIMIT)
    schema = document.get("schema")
    if schema != SCHEMA:
        raise Refused(f"The manifest's schema is {shown(schema)}, not {SCHEMA}.")
    described = signature(document.get("signature"))
    return Manifest(
        name=names.name(document.get("name")),
        version=_version(document.get("version")),
        framework=_framework(document.get("framework")),
        files=files(document.get("files")),
        signature=described,
        golden=golden(document.get("golden"), described),
        created=moment(document.get("created")),
        opset=_opset(document.get("opset")),
        requires=_requires(document.get("requires", [])),
        metrics=_mapping(document, "metrics"),
        reference=_mapping(document, "reference"),
        data=_data(document),
        lineage=_mapping(document, "lineage"),
        document=document,
    )


def files(entries: object) -> tuple[File, ...]:
    """The files of a model or a dataset."""
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST_FILES:
        raise Refused(f"An artifact has 1 to {MOST_FILES} files.")
    found = tuple(_file(entry) for entry in entries)
    names.distinct(file.path for file in found)
    return found


def moment(value: object) -> datetime:
    try:
        found = datetime.fromisoformat(cast("str", value))
    except (ValueError, TypeError):
        found = None
    if found is None or found.tzinfo is None:
        raise Refused(f'"created" is {shown(value)}, not a time such as 2026-01-31T10:00:00Z.')
    return found


def _file(entry: object) -> File:
    if not isinstance(entry, dict):
        raise Refused("A file of an artifact is an object with path, sha256 and size.")
    path = names.path(entry.get("path"))
    size, role = entry.get("size"), entry.get("role", "model")
    if type(size) is not int or not 0 <= size <= LARGEST:
        raise Refused(f"The size of {path} is {shown(size)}.")
    if not isinstance(role, str):
        raise Refused(f"The role of {path} is {shown(role)}, not a word.")
    return File(path, names.hex_digest(entry.get("sha256"), f"The sha256 of {path}"), size, role)


def _version(value: object) -> str:
    if isinstance(value, str) and names.VERSION.fullmatch(value):
        return value
    raise Refused(f"The manifest's version is {shown(value)}, not a number such as 3.")


def _framework(value: object) -> str:
    if value in FRAMEWORKS:
        return str(value)
    raise Refused(f"The framework is {shown(value)}; known are {', '.join(FRAMEWORKS)}.")


def _opset(value: object) -> int | None:
    if value is None:
        return None
    if type(value) is int and value > 0:
        return value
    raise Refused(f"The opset is {shown(value)}, not a number.")


def _requires(value: object) -> tuple[str, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise Refused('"requires" is not a list of texts.')


def _mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key, {})
    if isinstance(value, Mapping):
        return value
    raise Refused(f'"{key}" of the manifest is not an object.')


def _data(document: Mapping[str, Any]) -> Mapping[str, Any]:
    found = _mapping(document, "data")
    if "sha256" in found:
        names.hex_digest(found["sha256"], "The version of the training data")
    return found
