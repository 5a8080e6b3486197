"""Contents of files, named by their digest: whoever reads one knows whether it is the right one."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from twelve_runtime.artifacts import layout
from twelve_runtime.artifacts.errors import Refused
from twelve_runtime.artifacts.manifest import File
from twelve_runtime.artifacts.store import CHUNK, Store

Content = Path | bytes
Progress = Callable[[str, int], None]  # a file's path, and how many more of its bytes are done
FRESH = timedelta(hours=12)  # older ones are written again: whoever sweeps takes what is older than a day


def quiet(_path: str, _bytes: int) -> None: ...


def described(path: str, content: Content, role: str = "model") -> File:
    """A file as a manifest lists it."""
    if isinstance(content, bytes):
        return File(path, hashlib.sha256(content).hexdigest(), len(content), role)
    try:
        with content.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            return File(path, found, file.tell(), role)
    except OSError as error:
        raise Refused(f"{content} cannot be read: {error.strerror}.") from None


def put(store: Store, file: File, content: Content, progress: Progress = quiet) -> bool:
    """False when the store has it already, and nobody is about to sweep it."""
    path = layout.blob(file.sha256)
    entry = store.head(path)
    if entry is not None and entry.size == file.size and datetime.now(UTC) - entry.modified < FRESH:
        progress(file.path, file.size)
        return False
    if isinstance(content, bytes):
        store.put(path, content)
        progress(file.path, file.size)
    else:
        _upload(store, path, file, content, progress)
    return True


def _upload(store: Store, path: str, file: File, content: Path, progress: Progress) -> None:
    seen = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        with content.open("rb") as opened:
            while piece := opened.read(CHUNK):
                seen.update(piece)
                progress(file.path, len(piece))
                yield piece

    store.put(path, next(pieces(), b"") if file.size <= CHUNK else pieces())
    if seen.hexdigest() != file.sha256:
        store.delete(path)
        raise Refused(f"{content} changed while it was published.")


def pieces(store: Store, file: File, progress: Progress = quiet) -> Iterator[bytes]:
    """The content; ends with Refused when it was not the one that the manifest means. Keep nothing before the end."""
    seen = hashlib.sha256()
    for piece in store.stream(layout.blob(file.sha256), file.size):
        seen.update(piece)
        progress(file.path, len(piece))
        yield piece
    if seen.hexdigest() != file.sha256:
        raise Refused(
            f"{file.path} has another content than its manifest says: its sha256 is {seen.hexdigest()[:12]}…."
        )


def check(store: Store, file: File, progress: Progress = quiet) -> None:
    for _ in pieces(store, file, progress):
        pass
