"""NAME@TREE as people write it: the whole tree, its first digits, or nothing for the newest."""

from collections.abc import Sequence
from typing import Any

from twelve_runtime.artifacts import datasets
from twelve_runtime.artifacts.datasets import Dataset

from twelve.core.errors import NotFound
from twelve.faces.cli.artifacts import Here, split


def resolved(here: Here, ref: str) -> Dataset:
    name, tree = split(ref)
    if tree:
        return datasets.resolve(here.store, name, tree)
    return versions(here, name)[0]


def versions(here: Here, name: str) -> Sequence[Dataset]:
    """The newest first; there is one at least."""
    found = datasets.versions(here.store, name)
    if not found:
        raise NotFound(f"There is no dataset {name} in {here.store.name}.", hint="`twelve datasets list` shows them.")
    return found


def lineage_of(here: Here, ref: str) -> dict[str, Any]:
    """What a model's manifest says about the data it was trained on."""
    found = resolved(here, ref)
    told = {"uri": found.uri, "sha256": found.tree, "rows": found.rows}
    return {key: value for key, value in told.items() if value is not None}
