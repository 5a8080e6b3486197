"""Which of a model's files is the model itself."""

from pathlib import Path

from twelve_runtime.artifacts.cache import IN_MEMORY, read
from twelve_runtime.artifacts.manifest import File, Manifest
from twelve_runtime.ml.errors import Rejected


def only(manifest: Manifest, *suffixes: str) -> File:
    found = [file for file in manifest.files if file.role == "model" and file.path.lower().endswith(suffixes)]
    if len(found) != 1:
        raise Rejected(f"{manifest.ref} has {len(found)} files {' or '.join(suffixes)} with the role model, not one.")
    return found[0]


def content(directory: Path, file: File) -> bytes | str:
    """Its bytes, hashed as they are handed over; of a large file its path in the read-only cache."""
    return read(directory, file) if file.size <= IN_MEMORY else str(directory / file.path)
