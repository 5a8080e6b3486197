"""What `models push` sends: the files of a directory, and what model.json says about them."""

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from twelve_runtime.artifacts import datasets, text
from twelve_runtime.artifacts.manifest import LIMIT
from twelve_runtime.artifacts.mlflow import Taken
from twelve_runtime.artifacts.publish import Draft

from twelve.core.errors import NotFound, UsageError

ABOUT = "model.json"
KNOWN = {field.name for field in fields(Draft)} - {"more"}
NEEDED = ("framework", "signature", "golden")


def contents(path: Path, about: Path) -> dict[str, Path]:
    """Path in the artifact -> file; without the one that tells about them."""
    found = {inside: place for inside, place in datasets.listed(path).items() if place.resolve() != about.resolve()}
    if not found:
        raise NotFound(f"{path} holds no file of a model.")
    return found


def about_of(path: Path, given: Path | None) -> Path:
    """`--about`, model.json in the directory, or for a file NAME.onnx the NAME.json beside it."""
    return given or (path / ABOUT if path.is_dir() else path.with_suffix(".json"))


def draft(name: str, about: Path, lineage: Mapping[str, Any], data: Mapping[str, Any]) -> Draft:
    return _draft(name, _read(about), about, lineage, data)


def taken_over(name: str, taken: Taken, about: Path | None, app: str) -> Draft:
    """What MLflow knows, and over it what --about says."""
    parts = {key: getattr(taken, key) for key in ("framework", "signature", "golden", "metrics")}
    known = {key: value for key, value in parts.items() if value}
    said = {**known, **(_read(about) if about else {})}
    return _draft(name, said, about or "What MLflow knows of it", {"app": app, **taken.lineage}, {})


def name_in(uri: str) -> str:
    """ "models:/Digits@champion" -> "digits"."""
    return re.split("[/@]", uri.partition(":/")[2])[0].lower()


def _draft(
    name: str, said: dict[str, Any], about: object, lineage: Mapping[str, Any], data: Mapping[str, Any]
) -> Draft:
    if said.pop("name", name) != name:
        raise UsageError(f'{about} is about another model than "{name}".')
    if absent := [key for key in NEEDED if key not in said]:
        raise UsageError(f"{about} lacks {', '.join(absent)}.", hint="docs/models.md shows one; --about FILE gives it.")
    said["lineage"] = {**lineage, **(said.get("lineage") or {})}
    if data:
        said["data"] = data
    more = {key: said.pop(key) for key in said.keys() - KNOWN}
    return Draft(name=name, **said, more=more)


def _read(about: Path) -> dict[str, Any]:
    try:
        raw = about.read_bytes()
    except OSError as error:
        raise NotFound(
            f"{about} cannot be read: {error.strerror}.",
            hint="It says what goes into the model and comes out, with an example; docs/models.md shows one.",
        ) from None
    return text.decode(raw, str(about), LIMIT)
