"""From a directory to a Codebase. Nothing in it is run or followed: no hooks, no links, no file that is too large."""

import os
import stat
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from twelve.audit.codebase import Codebase, SourceFile
from twelve.core.errors import UsageError

LARGEST = 2 << 20  # bytes of a file that is read; decisive files and code are far smaller
MOST_FILES = 100_000
LOOKED_AT = 8192  # bytes in which a NUL tells a binary file
PRUNED = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".tox", ".mypy_cache"})
# Of a hostile repository's own configuration nothing may start a program.
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.untrackedCache=false")
_GIT_ENV = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def read(root: Path) -> tuple[Codebase, list[str]]:
    """The codebase, and what could not be looked at, in sentences."""
    if not root.is_dir():
        raise UsageError(f"{root} is not a directory.")
    notes: list[str] = []
    version_control = next((name for name in ("git", "hg") if (root / f".{name}").exists()), "")
    tracked = _tracked(root) if version_control == "git" else None
    names = _with_untracked(root, tracked) if tracked is not None else _walked(root)
    files = [file for name in _some(names, notes) if (file := _file(root, name, tracked, notes)) is not None]
    return Codebase(root.resolve().name, files, version_control=version_control), notes


def content(path: Path) -> bytes:
    """Empty for binary files, and for those that have vanished."""
    try:
        with path.open("rb") as file:
            head = file.read(LOOKED_AT)
            return b"" if b"\0" in head else head + file.read(LARGEST)
    except OSError:
        return b""


def _file(root: Path, name: str, tracked: frozenset[str] | None, notes: list[str]) -> SourceFile | None:
    path = root / name
    try:
        found = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    if found.st_size > LARGEST:
        notes.append(f"{name} was not read: it is larger than {LARGEST >> 20} MiB.")
        return SourceFile(name, bytes, size=found.st_size, tracked=tracked is None or name in tracked)
    return SourceFile(name, partial(content, path), size=found.st_size, tracked=tracked is None or name in tracked)


def _some(names: Iterator[str], notes: list[str]) -> Iterator[str]:
    for count, name in enumerate(names):
        if count == MOST_FILES:
            notes.append(f"Only the first {MOST_FILES} files were looked at.")
            return
        yield name


def _tracked(root: Path) -> frozenset[str] | None:
    """None when git does not say: it is missing, or the repository is not ours or broken."""
    return _ls_files(root)


def _with_untracked(root: Path, tracked: frozenset[str]) -> Iterator[str]:
    yield from sorted(tracked | (_ls_files(root, "--others", "--exclude-standard") or frozenset()))


def _ls_files(root: Path, *options: str) -> frozenset[str] | None:
    try:
        done = subprocess.run(
            [*_GIT, "-C", root, "ls-files", "-z", *options],
            env={**os.environ, **_GIT_ENV}, capture_output=True, check=True, timeout=60,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return frozenset(os.fsdecode(name) for name in done.stdout.split(b"\0") if name)


def _walked(root: Path) -> Iterator[str]:
    for directory, directories, names in os.walk(root):
        directories[:] = sorted(name for name in directories if name not in PRUNED)
        for name in sorted(names):
            yield str((Path(directory) / name).relative_to(root))
