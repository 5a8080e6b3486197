"""The trial's own model store, which nobody else uses: what is in it, and what is done to it for a probe."""

import contextlib
from collections.abc import Iterator, Mapping

from twelve_runtime.artifacts import layout, manifest, models
from twelve_runtime.artifacts.errors import ArtifactError
from twelve_runtime.artifacts.store import Store

from twelve.audit.probes.probe import CannotTell
from twelve.audit.probes.trial import MODEL, STORE
from twelve.core.model import Release

LARGEST = 256 * 1024 * 1024  # bytes of a file that is held in memory


def opened(release: Release) -> Store:
    """Only what the platform has attached: a store that config names may be somebody's."""
    if STORE not in release.attached:
        raise CannotTell(f"The trial has no model store of its own ({STORE}) that could be touched.")
    with _told():
        return Store.open(release.config[STORE], release.config)


def versions(store: Store, config: Mapping[str, str]) -> list[str]:
    """Those of the app's model, the newest first."""
    with _told():
        return [one.version for one in models.versions(store, config[MODEL]) if not one.deleted]


def published_again(store: Store, config: Mapping[str, str], version: str) -> str:
    """The same files under the next number: another version for a store that has only one."""
    with _told():
        found = models.resolve(store, version, config[MODEL]).manifest
        number = str(int(versions(store, config)[0]) + 1)
        store.create(layout.model(found.name, number), manifest.encode({**found.document, "version": number}))
    return number


def file_of(store: Store, config: Mapping[str, str], version: str) -> tuple[str, str]:
    """What the first file of a version is called, and where its content is."""
    with _told():
        found = models.resolve(store, version, config[MODEL]).manifest
    served = next((file for file in found.files if file.role == "model"), found.files[0])
    return f"{served.path} of {found.ref}", layout.blob(served.sha256)


@contextlib.contextmanager
def flipped(store: Store, path: str) -> Iterator[None]:
    """One byte of an object is another one meanwhile."""
    with _told():
        content = store.get(path, LARGEST)
        store.put(path, with_a_flip(content))
    try:
        yield
    finally:
        with _told():
            store.put(path, content)


def with_a_flip(content: bytes) -> bytes:
    """Its middle byte, in every bit: no format has the same meaning with it."""
    if not content:
        raise CannotTell("The model's file is empty.")
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ArtifactError as error:
        raise CannotTell(f"The trial's model store cannot be asked: {error}") from None
