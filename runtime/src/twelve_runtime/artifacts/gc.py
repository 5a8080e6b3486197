"""What nobody needs any more is swept: contents, and signatures, that no manifest names and that are a day old."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from twelve_runtime.artifacts import layout, manifest, names, text
from twelve_runtime.artifacts.errors import Refused
from twelve_runtime.artifacts.store import Entry, Store

AGE = timedelta(hours=24)  # a publisher that is at it has written its contents, and not its manifest yet


@dataclass(frozen=True, slots=True)
class Swept:
    """What went, or would have; and how many objects stayed."""

    paths: tuple[str, ...]
    size: int
    kept: int


def gc(
    store: Store,
    keep_digests: Collection[str] = (),
    *,
    older_than: timedelta = AGE,
    dry_run: bool = False,
) -> Swept:
    """`keep_digests`: manifests that releases have pinned; they keep what they name, also when they were deleted."""
    before = datetime.now(UTC) - older_than
    found = [*store.list(layout.BLOBS), *store.list(layout.SIGNATURES)]  # first: what comes later is young
    named = _marked(store, frozenset(keep_digests))
    doomed = [entry for entry in found if entry.modified < before and _key(entry) not in named]
    swept = [entry for entry in doomed if dry_run or _sweep(store, entry, before)]
    return Swept(tuple(entry.path for entry in swept), sum(entry.size for entry in swept), len(found) - len(swept))


def _key(entry: Entry) -> str:
    """The digest an object belongs to: a content's own, a signature's manifest's."""
    parts = entry.path.split("/")
    return parts[2] if parts[0] == "blobs" else parts[1]


def _sweep(store: Store, entry: Entry, before: datetime) -> bool:
    """Looks again first: somebody may have written it anew since it was listed."""
    now = store.head(entry.path)
    if now is None or now.modified >= before:
        return False
    store.delete(entry.path)
    return True


def _marked(store: Store, keep: frozenset[str]) -> set[str]:
    """The digests of all contents and manifests that are needed."""
    return {*_of_models(store, keep), *_of_datasets(store)}


def _of_models(store: Store, keep: frozenset[str]) -> Iterator[str]:
    found = set(layout.models(store))
    for name, version, kind in found:
        if kind != "manifest":
            continue
        raw = store.get(layout.model(name, version), manifest.LIMIT)
        digest = manifest.digest(raw)
        if (name, version, "deleted") in found and digest not in keep:
            continue
        yield names.hex_of(digest)
        yield from _files(raw, f"{name}@{version}")


def _of_datasets(store: Store) -> Iterator[str]:
    for name, tree in layout.datasets(store):
        yield from _files(store.get(layout.dataset(name, tree), manifest.LIMIT), f"{name}@{tree[:12]}")


def _files(raw: bytes, ref: str) -> Iterator[str]:
    """A manifest that cannot be read may name anything, so nothing is swept while it is there."""
    try:
        document = text.decode(raw, "The manifest", manifest.LIMIT)
        yield from (file.sha256 for file in manifest.files(document.get("files")))
    except Refused as error:
        raise Refused(f"Nothing was swept, as {ref} cannot be read: {error} Delete that version first.") from None
