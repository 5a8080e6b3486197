"""Training data in the store: a snapshot is known by the digest of its tree, so a training can say what it read."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twelve_runtime.artifacts import blobs, layout, manifest, names, text
from twelve_runtime.artifacts.blobs import Progress, quiet
from twelve_runtime.artifacts.cache import download
from twelve_runtime.artifacts.errors import ArtifactError, Missing, Refused, Unknown
from twelve_runtime.artifacts.manifest import LIMIT, File
from twelve_runtime.artifacts.names import shown
from twelve_runtime.artifacts.store import Store

SCHEMA = "twelve.data/1"
SHORTEST = 8  # digits of a tree that a person may give instead of all
ABBREVIATED = re.compile(rf"[0-9a-f]{{{SHORTEST},64}}")


@dataclass(frozen=True, slots=True)
class Dataset:
    """`rows` and `source` (where it came from: a DVC file, a lakeFS commit) are what its publisher said."""

    name: str
    tree: str
    files: tuple[File, ...]
    created: datetime
    rows: int | None = None
    source: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def uri(self) -> str:
        return f"data/{self.name}/{self.tree}"


@dataclass(frozen=True, slots=True)
class Pushed:
    dataset: Dataset
    new: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Paths, sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


def push(
    store: Store,
    name: str,
    path: Path,
    *,
    rows: int | None = None,
    source: Mapping[str, Any] | None = None,
    progress: Progress = quiet,
) -> Pushed:
    """A file or a directory. What is there already is not sent again; the same content gives the same tree."""
    names.name(name)
    places = listed(path)
    files = tuple(blobs.described(inside, place) for inside, place in places.items())
    names.distinct(file.path for file in files)
    found = Dataset(name, tree_of(files), files, _now(), rows, source or {})
    store.prove()
    if store.exists(layout.dataset(name, found.tree)):
        return Pushed(resolve(store, name, found.tree), new=False)
    for file in files:
        blobs.put(store, file, places[file.path], progress)
    new = store.create(layout.dataset(name, found.tree), _encoded(found))
    return Pushed(found if new else resolve(store, name, found.tree), new)


def tree_of(files: tuple[File, ...]) -> str:
    """sha256 of canonical [[path,sha256,size],…], sorted by the bytes of the paths."""
    ordered = sorted(files, key=lambda file: file.path.encode())
    return hashlib.sha256(text.encode([[file.path, file.sha256, file.size] for file in ordered])).hexdigest()


def listed(path: Path) -> dict[str, Path]:
    """Path in the dataset -> where it is. A single file is a dataset of one."""
    if path.is_file():
        return {names.path(path.name): path}
    if not path.is_dir():
        raise Refused(f"{path} is neither a file nor a directory.")
    found: dict[str, Path] = {}
    for place in sorted(path.rglob("*")):
        if place.is_symlink() or not (place.is_file() or place.is_dir()):
            raise Refused(f"{place} is a link or a device; a dataset has plain files only.")
        if place.is_file():
            found[names.path(place.relative_to(path).as_posix())] = place
    if not found:
        raise Refused(f"{path} holds no files.")
    return found


def dataset_names(store: Store) -> list[str]:
    return sorted({name for name, _ in layout.datasets(store)})


def versions(store: Store, name: str) -> list[Dataset]:
    """The newest first."""
    found = [resolve(store, name, tree) for _, tree in layout.datasets(store, names.name(name))]
    return sorted(found, key=lambda dataset: (dataset.created, dataset.tree), reverse=True)


def resolve(store: Store, name: str, tree: str) -> Dataset:
    """By its whole tree or by its first digits. Refused when its files do not give that tree."""
    whole = _whole(store, names.name(name), tree)
    try:
        raw = store.get(layout.dataset(name, whole), LIMIT)
    except Missing:
        raise Unknown(f"{name}@{whole[:12]} is not in {store.name}.") from None
    document = text.decode(raw, f"The manifest of {name}@{whole[:12]}", LIMIT)
    if document.get("schema") != SCHEMA or document.get("name") != name:
        raise Refused(f"The manifest of {name}@{whole[:12]} is that of something else.")
    files = manifest.files(document.get("files"))
    if (real := tree_of(files)) != whole:
        raise Refused(f"The files of {name}@{whole[:12]} give the tree {real[:12]}….")
    rows, source = document.get("rows"), document.get("source")
    return Dataset(
        name,
        whole,
        files,
        manifest.moment(document.get("created")),
        rows if type(rows) is int else None,
        source if isinstance(source, Mapping) else {},
    )


def pull(store: Store, dataset: Dataset, target: Path, progress: Progress = quiet) -> Path:
    """Its files below a directory that is not there yet or is empty, every one verified."""
    download(store, dataset.files, target, progress)
    return target


def diff(old: tuple[File, ...], new: tuple[File, ...]) -> Difference:
    one, other = ({file.path: file.sha256 for file in files} for files in (old, new))
    return Difference(
        tuple(sorted(other.keys() - one.keys())),
        tuple(sorted(one.keys() - other.keys())),
        tuple(sorted(path for path in one.keys() & other.keys() if one[path] != other[path])),
    )


def _whole(store: Store, name: str, tree: str) -> str:
    if names.HEX.fullmatch(tree):
        return tree
    if not ABBREVIATED.fullmatch(tree):
        raise Refused(f"{shown(tree)} is not a version of a dataset: 64 hex digits, or its first {SHORTEST} or more.")
    found = [whole for _, whole in layout.datasets(store, name) if whole.startswith(tree)]
    if len(found) > 1:
        raise ArtifactError(f"{len(found)} versions of {name} begin with {tree}.")
    if not found:
        raise Unknown(f"No version of {name} in {store.name} begins with {tree}.")
    return found[0]


def _encoded(dataset: Dataset) -> bytes:
    files = [{"path": f.path, "sha256": f.sha256, "size": f.size} for f in dataset.files]
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "name": dataset.name,
        "files": files,
        "created": dataset.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "rows": dataset.rows,
        "source": dict(dataset.source),
    }
    return text.encode({key: value for key, value in document.items() if value not in (None, {})})


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
