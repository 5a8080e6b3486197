"""The shelf of finished layers: made once in a staging directory, renamed into place, never changed again.

A lock file a key lets two builds of the same thing wait for each other, and tells the cleaner what is still being made.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from twelve.core.model import Layer
from twelve.infra.files import remove_tree, seal_tree

STAGING = ".staging-"
LOCK = ".lock-"


class Shelf:
    """One kind of layer ("app" or "dependencies") below one directory."""

    def __init__(self, kind: str, directory: Path) -> None:
        self._kind = kind
        self._directory = directory

    def find(self, key: str) -> Layer | None:
        path = self._directory / key
        return Layer(self._kind, key, path) if path.is_dir() else None

    def make(self, key: str, fill: Callable[[Path], None]) -> Layer:
        """The layer of that key; `fill` puts its files into an empty directory if nobody has made it yet."""
        with self._lock(key):
            found = self.find(key)
            if found is not None:
                return found
            return self._make(key, fill)

    def _make(self, key: str, fill: Callable[[Path], None]) -> Layer:
        staging = self._directory / f"{STAGING}{key}.{secrets.token_hex(4)}"
        try:
            staging.mkdir()
            fill(staging)
            seal_tree(staging, files_writable=self._kind == "app")
            staging.rename(self._directory / key)
        finally:
            remove_tree(staging)
        return Layer(self._kind, key, self._directory / key)

    @contextlib.contextmanager
    def _lock(self, key: str, *, wait: bool = True) -> Iterator[bool]:
        self._directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._directory / f"{LOCK}{key}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(descriptor)

    def prune(self, keep: set[str]) -> int:
        """Remove every layer whose key is not kept, and what builds that died left half-made; gives how many."""
        if not self._directory.is_dir():
            return 0
        return sum(
            self._remove(entry.name) for entry in list(self._directory.iterdir()) if _key(entry.name) not in keep
        )

    def _remove(self, name: str) -> int:
        """Moved aside first, so that nobody finds half a layer. Lock files stay: removing one would make two locks."""
        if name.startswith(LOCK):
            return 0
        with self._lock(_key(name), wait=False) as locked:
            if not locked:
                return 0
            doomed = self._directory / f"{STAGING}{_key(name)}.{secrets.token_hex(4)}"
            (self._directory / name).rename(doomed)
            remove_tree(doomed)
            return 1


def _key(name: str) -> str:
    return name.removeprefix(STAGING).partition(".")[0] if name.startswith(STAGING) else name
