"""Verified files on this machine: loaded once, read-only, hashed again each time before they are used.

<cache>/sha256/<64hex>        contents, shared by all models
<cache>/models/<64hex>/…      a model's files under their own paths: exactly those, nothing else
<cache>/locks/<64hex>         who loads; others wait
"""

import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from twelve_runtime.artifacts import blobs
from twelve_runtime.artifacts.blobs import Progress, quiet
from twelve_runtime.artifacts.errors import ArtifactError, Refused
from twelve_runtime.artifacts.manifest import File, Manifest
from twelve_runtime.artifacts.names import hex_of
from twelve_runtime.artifacts.store import Store

IN_MEMORY = 256 * 1024 * 1024  # larger files are not read at once
PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".pt", ".pth")
READ_ONLY, READ_ONLY_DIRECTORY, PRIVATE = 0o444, 0o555, 0o700


@dataclass(frozen=True, slots=True)
class Resolved:
    """A manifest whose bytes have been checked. `signed_by`: the id of the key that vouches for it, if one had to."""

    manifest: Manifest
    digest: str
    raw: bytes
    pinned: bool = False
    signed_by: str = ""


def pickles(manifest: Manifest) -> bool:
    """Whether loading it runs code that came with it."""
    return manifest.framework == "pickle" or any(file.path.lower().endswith(PICKLES) for file in manifest.files)


def guard(resolved: Resolved, *, allow_pickle: bool) -> None:
    """Loading a pickle runs whatever code is in it: only when asked for, pinned and signed."""
    if not pickles(resolved.manifest):
        return
    ref = resolved.manifest.ref
    if not allow_pickle:
        raise Refused(f"{ref} is a pickle, which runs code when it is loaded; MODEL_ALLOW_PICKLE=1 allows it.")
    if not resolved.pinned or not resolved.signed_by:
        lacks = "signed by a key of MODEL_PUBLIC_KEY" if resolved.pinned else "pinned by its digest (MODEL_SHA256)"
        raise Refused(f"{ref} is a pickle, and is not {lacks}.")


def fetch(
    store: Store, resolved: Resolved, cache: Path, *, allow_pickle: bool = False, progress: Progress = quiet
) -> Path:
    """A directory with exactly the model's files, verified and read-only. Processes that ask at once load it once."""
    guard(resolved, allow_pickle=allow_pickle)
    with _writable(cache):
        for file in resolved.manifest.files:
            _ensure(store, file, cache, progress)
        key = hex_of(resolved.digest)
        directory = cache / "models" / key
        with _lock(cache, key):
            if not _complete(directory, resolved.manifest.files, cache):
                _assemble(directory, resolved.manifest.files, cache)
        return directory


def read(directory: Path, file: File) -> bytes:
    """A file's content, hashed as it is handed over: for loaders that take bytes."""
    if file.size > IN_MEMORY:
        raise Refused(f"{file.path} has {file.size} bytes, too many to be read at once.")
    with (directory / file.path).open("rb") as opened:
        data = opened.read(file.size + 1)
    if len(data) != file.size or hashlib.sha256(data).hexdigest() != file.sha256:
        raise Refused(f"{file.path} was changed after it had been loaded.")
    return data


def download(store: Store, files: tuple[File, ...], target: Path, progress: Progress = quiet) -> None:
    """Plain copies for a person, in a directory that does not exist yet or is empty; all of them or none."""
    target = target.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ArtifactError(f"{target} is there already and is not an empty directory.")
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        for file in files:
            place = part / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as out:
                out.writelines(blobs.pieces(store, file, progress))
        if target.exists():
            target.rmdir()
        part.rename(target)
    except OSError as error:
        raise ArtifactError(f"{target} cannot be written: {error.strerror}.") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _ensure(store: Store, file: File, cache: Path, progress: Progress) -> None:
    blob = cache / "sha256" / file.sha256
    with _lock(cache, file.sha256):
        if _is(blob, file):
            progress(file.path, file.size)
            return
        blob.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        part = blob.with_suffix(".part")
        part.unlink(missing_ok=True)
        try:
            with part.open("xb") as out:
                out.writelines(blobs.pieces(store, file, progress))
                out.flush()
                os.fchmod(out.fileno(), READ_ONLY)
                os.fsync(out.fileno())
            part.rename(blob)
        finally:
            part.unlink(missing_ok=True)


def _is(place: Path, file: File) -> bool:
    """A plain file of this very content. Also what is in the cache is not trusted."""
    try:
        found = place.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size != file.size:
            return False
        with place.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


def _complete(directory: Path, files: tuple[File, ...], cache: Path) -> bool:
    """Its files are the very ones of the cache, which have just been hashed; and there are no others."""
    wanted = {file.path: file for file in files}
    there = {str(place.relative_to(directory)): place for place in directory.rglob("*") if not _is_directory(place)}
    return there.keys() == wanted.keys() and all(
        _same(place, cache / "sha256" / wanted[path].sha256) or _is(place, wanted[path])
        for path, place in there.items()
    )


def _assemble(directory: Path, files: tuple[File, ...], cache: Path) -> None:
    part = directory.with_name(f"{directory.name}.part")
    for old in (part, directory):
        _remove(old)
    for file in files:
        place = part / file.path
        place.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        blob = cache / "sha256" / file.sha256
        try:
            place.hardlink_to(blob)
        except OSError:  # a file system without links
            shutil.copyfile(blob, place)
            place.chmod(READ_ONLY)
    for place in (part, *part.rglob("*")):
        if place.is_dir():
            place.chmod(READ_ONLY_DIRECTORY)
    part.rename(directory)


def _remove(directory: Path) -> None:
    if not directory.exists():
        return
    for place in (directory, *directory.rglob("*")):
        if _is_directory(place):
            place.chmod(PRIVATE)
    shutil.rmtree(directory)


def _is_directory(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()


def _same(place: Path, blob: Path) -> bool:
    one, other = place.lstat(), blob.lstat()
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


@contextmanager
def _lock(cache: Path, key: str) -> Iterator[None]:
    locks = cache / "locks"
    locks.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    with (locks / key).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _writable(cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArtifactError(f"The cache {cache} cannot be used: {error.strerror}.") from None
