"""Trees of files: copying, sealing and removing them, and a full disk said in one sentence."""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from twelve.core.errors import DiskFull

FULL = {errno.ENOSPC, errno.EDQUOT}


@contextlib.contextmanager
def disk_full_is_said(place: Path) -> Iterator[None]:
    """Turns "no space left" from anything inside the block into DiskFull."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DiskFull(f"The disk that holds {place} is full.", hint="Free some space and try again.") from error


def files_below(root: Path) -> Iterator[os.DirEntry[str]]:
    """Every file and link of the tree, no directories, in no particular order; links are not followed."""
    pending = [os.fspath(root)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    yield entry


def copy_tree(source: Path, target: Path) -> None:
    """Files, executable bits and links; directories the owner may write, whatever the source said."""
    target.mkdir(parents=True, exist_ok=True)
    with os.scandir(source) as entries:
        for entry in entries:
            place = target / entry.name
            if entry.is_symlink():
                place.symlink_to(Path(entry.path).readlink())
            elif entry.is_dir():
                copy_tree(Path(entry.path), place)
            else:
                shutil.copyfile(entry.path, place)
                place.chmod(0o755 if entry.stat().st_mode & 0o100 else 0o644)


def seal_tree(root: Path, *, files_writable: bool) -> int:
    """Make a finished tree read-only and give its size in bytes.

    Directories below the root keep the owner's write bit: a process sees the tree as the lower side of an overlay, and
    there they decide whether its own, ephemeral writes are allowed. `files_writable` keeps it for files as well.
    """
    size = 0
    for entry in files_below(root):
        if entry.is_symlink():
            continue
        status = entry.stat()
        mode = 0o755 if status.st_mode & 0o111 else 0o644
        os.chmod(entry.path, mode if files_writable else mode & ~0o222)  # noqa: PTH101 - thousands of times
        size += status.st_size
    root.chmod(0o555)
    return size


def remove_tree(root: Path) -> None:
    """Remove a tree that may be read-only; a tree that is not there is fine."""
    with contextlib.suppress(FileNotFoundError):
        root.chmod(0o700)
    shutil.rmtree(root, onerror=_make_writable_and_retry)


def _make_writable_and_retry(retry: Callable[[str], object], path: str, error: tuple[object, object, object]) -> None:
    with contextlib.suppress(OSError):
        Path(path).parent.chmod(0o700)
        if retry in {os.unlink, os.rmdir}:
            retry(path)
        elif isinstance(error[1], PermissionError):  # a directory that could not be opened
            Path(path).chmod(0o700)
            shutil.rmtree(path, onerror=_make_writable_and_retry)
