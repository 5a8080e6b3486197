"""Models in the store: published once under the next number, found by number or digest, verified byte by byte."""

from collections.abc import Sequence
from dataclasses import dataclass

from twelve_runtime.artifacts import blobs, layout, manifest, names, signing
from twelve_runtime.artifacts.blobs import Progress, quiet
from twelve_runtime.artifacts.cache import Resolved, download, fetch, read
from twelve_runtime.artifacts.errors import Missing, Refused, Unknown
from twelve_runtime.artifacts.gc import gc
from twelve_runtime.artifacts.names import shown
from twelve_runtime.artifacts.publish import Draft, Published, discard, forget, live, publish, trained
from twelve_runtime.artifacts.store import Store

__all__ = [
    "Draft",
    "Published",
    "Resolved",
    "Version",
    "complete",
    "delete",
    "download",
    "fetch",
    "gc",
    "model_names",
    "publish",
    "read",
    "resolve",
    "trained",
    "verify",
    "versions",
]


@dataclass(frozen=True, slots=True)
class Version:
    version: str
    deleted: bool = False


def model_names(store: Store) -> list[str]:
    return sorted({name for name, _, kind in layout.models(store) if kind == "manifest"})


def versions(store: Store, name: str) -> list[Version]:
    """All numbers that were ever given, the newest first."""
    found: dict[int, set[str]] = {}
    for _, version, kind in layout.models(store, names.name(name)):
        found.setdefault(int(version), set()).add(kind)
    return [
        Version(str(number), "deleted" in found[number])
        for number in sorted(found, reverse=True)
        if "manifest" in found[number]
    ]


def resolve(store: Store, ref: str, name: str, *, pin: str | None = None, public_keys: Sequence[str] = ()) -> Resolved:
    """The manifest of a version: a number such as "3", or its digest.

    Refused when it is not the one that is pinned, or, where there are public keys, none of them has signed it. A
    deleted version is Missing, except to those who have it pinned.
    """
    names.name(name)
    version = _version(store, ref, name)
    raw = _stored(store, name, version)
    digest = manifest.digest(raw)
    if ref.startswith("sha256:") and digest != ref:
        raise Refused(f"{name}@{version} has the digest {digest}, not {ref}.")
    if pin is not None and digest != pin:
        raise Refused(f"{name}@{version} has the digest {digest}, and the release pins {shown(pin)}.")
    if pin is None and store.exists(layout.deleted(name, version)):
        raise Unknown(f"{name}@{version} was deleted.")
    found = manifest.parse(raw)
    if (found.name, found.version) != (name, version):
        raise Refused(f"The manifest of {name}@{version} says that it is {found.ref}.")
    signer = signed_by(store, name, version, digest, public_keys)
    if public_keys and not signer:
        raise Refused(f"{name}@{version} is not signed by any of the keys in MODEL_PUBLIC_KEY.")
    return Resolved(found, digest, raw, pinned=pin is not None or ref == digest, signed_by=signer)


def signed_by(store: Store, name: str, version: str, digest: str, public_keys: Sequence[str]) -> str:
    """The id of the first of these keys that has signed it; empty when none has."""
    for public in public_keys:
        key_id = signing.key_id(public)
        try:
            raw = store.get(layout.signature(digest, key_id), signing.LIMIT)
        except (Missing, Refused):
            continue
        if signing.check(raw, public, name, version, digest):
            return key_id
    return ""


def complete(store: Store, resolved: Resolved) -> None:
    """Missing, Refused: a file is not there, or not as long as the manifest says. None of them is read."""
    for file in resolved.manifest.files:
        entry = store.head(layout.blob(file.sha256))
        if entry is None:
            raise Missing(f"{file.path} of {resolved.manifest.ref} is not in {store.name}.")
        if entry.size != file.size:
            raise Refused(f"{file.path} of {resolved.manifest.ref} has {entry.size} bytes, not {file.size}.")


def verify(store: Store, resolved: Resolved, progress: Progress = quiet) -> int:
    """Reads every byte of every file; gives how many those are. Refused, Missing: at the first that is wrong."""
    for file in resolved.manifest.files:
        blobs.check(store, file, progress)
    return resolved.manifest.size


def delete(store: Store, name: str, ref: str, reason: str = "") -> str:
    """Nobody takes it any more, but for releases that have it pinned. Gives its version; the number stays taken."""
    found = resolve(store, ref, name)
    version, key = found.manifest.version, found.manifest.lineage.get("train_key")
    discard(store, name, version, reason)
    if isinstance(key, str) and names.HEX.fullmatch(key):
        forget(store, name, version, key)
    return version


def _version(store: Store, ref: str, name: str) -> str:
    if names.VERSION.fullmatch(ref):
        return ref
    if not names.DIGEST.fullmatch(ref):
        raise Refused(f"{shown(ref)} is not a version of a model: a number such as 3, or sha256: and 64 hex digits.")
    for found in versions(store, name):
        if manifest.digest(_stored(store, name, found.version)) == ref:
            return found.version
    raise Unknown(f"No version of {name} in {store.name} has the digest {ref}.")


def _stored(store: Store, name: str, version: str) -> bytes:
    try:
        return store.get(layout.model(name, version), manifest.LIMIT)
    except Missing:
        have = ", ".join(str(number) for number in live(store, name)[:5])
        there = f"; the newest are {have}" if have else f"; there is no {name} at all"
        raise Unknown(f"{name}@{version} is not in {store.name}{there}.") from None
