"""Publish a model: contents first, the manifest last, each under a name nobody else can take.

What ends in the middle leaves contents that no manifest names; they are swept later.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from twelve_runtime.artifacts import blobs, layout, manifest, names, signing, text
from twelve_runtime.artifacts.blobs import Content, Progress, quiet
from twelve_runtime.artifacts.errors import Missing, Refused, StoreUnusable
from twelve_runtime.artifacts.manifest import SCHEMA, File
from twelve_runtime.artifacts.store import Store

ATTEMPTS = 1000  # versions that others may take while we try
RECENT = 10  # versions looked through for a training whose publisher died before its last step


@dataclass(frozen=True, slots=True)
class Draft:
    """What a manifest says beside its number and its files. `more`: keys of one's own.

    `signature` and `golden` as in the manifest. `train_key`: 64 hex digits that name a training; with them publishing
    the same training twice gives the first version. `roles`: what a file is for, by its path; "model" unless given.
    """

    name: str
    framework: str
    signature: Mapping[str, Any]
    golden: Sequence[Mapping[str, Any]]
    opset: int | None = None
    requires: Sequence[str] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    reference: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    lineage: Mapping[str, Any] = field(default_factory=dict)
    train_key: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """`new`: False when this training has been published before."""

    version: str
    digest: str
    new: bool


def publish(
    store: Store,
    draft: Draft,
    files: Mapping[str, Content],
    *,
    signing_key: str = "",
    progress: Progress = quiet,
) -> Published:
    """`files`: path in the artifact -> its content, or where it is. The manifest is checked before anything is sent."""
    names.name(draft.name)
    if draft.train_key and (known := trained(store, draft.name, draft.train_key)):
        return known
    listed = [blobs.described(path, content, draft.roles.get(path, "model")) for path, content in files.items()]
    document = _document(draft, listed)
    manifest.parse(manifest.encode(document | {"version": "1"}))
    store.prove()
    for file in listed:
        blobs.put(store, file, files[file.path], progress)
    published = _number(store, document, signing_key)
    for file in listed:
        if not store.exists(layout.blob(file.sha256)):  # swept in between
            blobs.put(store, file, files[file.path])
    return _remember(store, draft, published)


def trained(store: Store, name: str, train_key: str) -> Published | None:
    """The version a training has made, if it has."""
    path = layout.by_key(names.name(name), names.hex_digest(train_key, "The train_key"))
    try:
        version = store.get(path, 16).decode()
    except Missing:
        return _unremembered(store, name, train_key)
    if not names.VERSION.fullmatch(version):
        raise Refused(f"{path} does not hold a version number.")
    raw = store.get(layout.model(name, version), manifest.LIMIT)
    return Published(version, manifest.digest(raw), new=False)


def live(store: Store, name: str) -> list[int]:
    """The versions that exist and are not deleted, the newest first."""
    found: dict[int, set[str]] = {}
    for _, version, kind in layout.models(store, name):
        found.setdefault(int(version), set()).add(kind)
    return sorted((number for number, kinds in found.items() if kinds == {"manifest"}), reverse=True)


def _unremembered(store: Store, name: str, train_key: str) -> Published | None:
    for number in live(store, name)[:RECENT]:
        raw = store.get(layout.model(name, str(number)), manifest.LIMIT)
        document = text.decode(raw, f"The manifest of {name}@{number}", manifest.LIMIT)
        lineage = document.get("lineage")
        if isinstance(lineage, dict) and lineage.get("train_key") == train_key:
            if not store.create(layout.by_key(name, train_key), str(number).encode()):
                return trained(store, name, train_key)  # its publisher lives, or another one was quicker
            return Published(str(number), manifest.digest(raw), new=False)
    return None


def _document(draft: Draft, files: Sequence[File]) -> dict[str, Any]:
    lineage = {**draft.lineage, **({"train_key": draft.train_key} if draft.train_key else {})}
    parts = {
        "opset": draft.opset,
        "requires": list(draft.requires),
        "metrics": draft.metrics,
        "reference": draft.reference,
        "data": draft.data,
        "lineage": lineage,
    }
    return {
        **draft.more,
        **{key: value for key, value in parts.items() if value},
        "schema": SCHEMA,
        "name": draft.name,
        "framework": draft.framework,
        "signature": draft.signature,
        "golden": list(draft.golden),
        "files": [{"path": f.path, "sha256": f.sha256, "size": f.size, "role": f.role} for f in files],
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _number(store: Store, document: Mapping[str, Any], signing_key: str) -> Published:
    """Take the next number; when somebody else was quicker, the one after it. Deleted numbers stay taken."""
    name = document["name"]
    taken = [int(version) for _, version, _ in layout.models(store, name)]
    first = max(taken, default=0) + 1
    for number in range(first, first + ATTEMPTS):
        version = str(number)
        raw = manifest.encode({**document, "version": version})
        digest = manifest.digest(raw)
        if signing_key:
            _sign(store, signing_key, name, version, digest)
        if store.create(layout.model(name, version), raw):
            return Published(version, digest, new=True)
    raise StoreUnusable(f"{store.name} has no free number for {name}.")


def _sign(store: Store, key: str, name: str, version: str, digest: str) -> None:
    path = layout.signature(digest, signing.key_id(signing.public_of(key)))
    store.create(path, signing.sign(key, name, version, digest))


def _remember(store: Store, draft: Draft, published: Published) -> Published:
    """Of two that published the same training at once, the first one's version counts and the other's is deleted."""
    if not draft.train_key or store.create(layout.by_key(draft.name, draft.train_key), published.version.encode()):
        return published
    winner = trained(store, draft.name, draft.train_key)
    if winner is None or winner.version == published.version:
        return published
    discard(store, draft.name, published.version, "the same training was published at the same time")
    return winner


def discard(store: Store, name: str, version: str, reason: str) -> None:
    """Nobody can take it any more, but for releases that have pinned it. Its number stays taken."""
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    store.create(layout.deleted(name, version), text.encode({"deleted": at, "reason": reason}))


def forget(store: Store, name: str, version: str, train_key: str) -> None:
    """The training that made this version may be published again."""
    path = layout.by_key(name, train_key)
    with suppress(Missing):
        if store.get(path) == version.encode():
            store.delete(path)
