"""From a directory to a Codebase. Nothing in it is run or followed: no hooks, no links, no file that is too large."""

import os
import stat
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from twelve.audit import git
from twelve.audit.branches import diverged
from twelve.audit.codebase import LARGEST, Codebase, SourceFile
from twelve.core.errors import UsageError

MOST_FILES = 100_000
LOOKED_AT = 8192  # bytes in which a NUL tells a binary file
NAMED = 5  # files that were not read, each in a note of its own
_ARCHIVAL = (".git_archival.txt", ".hg_archival.txt")
PRUNED = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".tox", ".mypy_cache"})


def read(root: Path) -> tuple[Codebase, list[str]]:
    """The codebase, and what could not be looked at, in sentences."""
    if not root.is_dir():
        raise UsageError(f"{root} is not a directory.")
    tracked = _tracked(root)
    names = _with_untracked(root, tracked) if tracked is not None else _walked(root)
    notes: list[str] = []
    below = _Below(root)
    met = [(name, _file(root, name, tracked)) for name in _some(names, notes) if below(name)]
    files = [file for _, file in met if file is not None]
    kept = _version_control(root, tracked)
    own = diverged(root) if kept == "git" else ()
    notes += [*_unread(files), *_links(root, [name for name, file in met if file is None])]
    return Codebase(root.resolve().name, files, version_control=kept, diverged=own), notes


def _version_control(root: Path, tracked: frozenset[str] | None) -> str:
    """Builders and archives come without the repository, and say which commit they are."""
    if tracked or (root / ".git").exists():
        return "git"
    if (root / ".hg").exists():
        return "hg"
    says = os.environ.get("SOURCE_VERSION") or any((root / name).is_file() for name in _ARCHIVAL)
    return "archive" if says else ""


def content(path: str | Path) -> bytes:
    """Empty for binary files, and for those that have vanished or become something else."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - a descriptor
            head = file.read(LOOKED_AT)
            return b"" if b"\0" in head else head + file.read(LARGEST)
    except OSError:
        return b""


def _file(root: Path, name: str, tracked: frozenset[str] | None) -> SourceFile | None:
    path = f"{root}/{name}"
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return SourceFile(
        printable(name),
        bytes if found.st_size > LARGEST else partial(content, path),
        size=found.st_size,
        tracked=tracked is None or name in tracked,
        stamp=(found.st_size, found.st_mtime_ns, found.st_ino),
    )


class _Below:
    """Whether no link on the way to a file leads elsewhere, even when git once knew a directory in its place."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known = {"": True}

    def __call__(self, name: str) -> bool:
        parts, parent = name.split("/")[:-1], ""
        if "/".join(parts) in self._known:
            return self._known["/".join(parts)]
        for part in parts:
            inside = f"{parent}/{part}" if parent else part
            if inside not in self._known:
                self._known[inside] = self._known[parent] and part not in {"", ".", ".."} and self._is_own(inside)
            parent = inside
        return self._known[parent]

    def _is_own(self, directory: str) -> bool:
        try:
            return stat.S_ISDIR(os.lstat(f"{self._root}/{directory}").st_mode)
        except OSError:
            return False


def printable(name: str) -> str:
    """Bytes that are no UTF-8 become U+FFFD."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _unread(files: Iterable[SourceFile]) -> Iterator[str]:
    large = [file.path for file in files if file.is_too_large]
    for path in large[:NAMED]:
        yield f"{path} was not read: it is larger than {LARGEST >> 20} MiB."
    if more := len(large) - NAMED:
        yield from [f"{more} more files were not read: they are larger than {LARGEST >> 20} MiB."] if more > 0 else []


def _links(root: Path, missing: Iterable[str]) -> Iterator[str]:
    """Those that were met; what one of them leads to inside of the codebase is a file of its own."""
    if links := [printable(name) for name in missing if (root / name).is_symlink()]:
        more = f" and {len(links) - NAMED} more" if len(links) > NAMED else ""
        yield f"Symbolic links were not followed: {', '.join(links[:NAMED])}{more}."


def _some(names: Iterable[str], notes: list[str]) -> Iterator[str]:
    for count, name in enumerate(names):
        if count == MOST_FILES:
            notes.append(f"Only the first {MOST_FILES} files were looked at.")
            return
        yield name


def _tracked(root: Path) -> frozenset[str] | None:
    """None when git does not say, or knows of nothing here because the repository is one further up."""
    found = git.names(root, "ls-files", "-z") if git.is_inside(root) else None
    if found is None or (not found and not (root / ".git").exists()):
        return None
    return frozenset(found)


def _with_untracked(root: Path, tracked: frozenset[str]) -> list[str]:
    return sorted(tracked.union(git.names(root, "ls-files", "-z", "--others", "--exclude-standard") or ()))


def _walked(root: Path) -> Iterator[str]:
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        directories = []
        for entry in _entries(root / inside):
            name = f"{inside}{entry.name}"
            if not entry.is_dir(follow_symlinks=False):
                yield name
            elif entry.name not in PRUNED:
                directories.append(f"{name}/")
        waiting += reversed(directories)


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        return []
