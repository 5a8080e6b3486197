"""The digest of a source tree: the same files give the same digest, wherever and whenever they arrive.

Names, executable bits, contents and link targets count; times, owners and empty directories do not.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from twelve.infra.files import files_below

CHUNK = 1 << 20


class Entry(NamedTuple):
    """One file or link. `name` is relative to the tree; `content` the sha256 of a file's bytes or a link's target."""

    name: bytes
    kind: bytes
    content: bytes


def file_entry(name: str, content: bytes, *, executable: bool) -> Entry:
    return Entry(os.fsencode(name), b"x" if executable else b"f", content)


def link_entry(name: str, target: str) -> Entry:
    return Entry(os.fsencode(name), b"l", hashlib.sha256(os.fsencode(target)).digest())


def fold(entries: Iterable[Entry]) -> str:
    whole = hashlib.sha256()
    for name, kind, content in sorted(entries):
        whole.update(b"%s %s\0%s" % (kind, name, content))
    return whole.hexdigest()


def digest(tree: Path) -> str:
    """sha256 (hex) of the tree."""
    start = len(os.fspath(tree)) + 1
    return fold(_entry(entry, entry.path[start:]) for entry in files_below(tree))


def _entry(entry: os.DirEntry[str], name: str) -> Entry:
    if entry.is_symlink():
        return link_entry(name, os.readlink(entry.path))  # noqa: PTH115 - once a file
    with Path(entry.path).open("rb") as file:
        content = hashlib.file_digest(file, "sha256").digest()
    return file_entry(name, content, executable=bool(entry.stat().st_mode & 0o100))
