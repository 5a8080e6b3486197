"""What /proc tells of a running process of the app: its members, files it holds open, files it has changed."""

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from twelve.core.model import Process
from twelve.infra import procfs

TEMPORARY = ("/tmp/", "/dev/", "/proc/", "/var/tmp/", "/run/")  # noqa: S108 - paths inside the sandbox
HOME = "/app"
BYTECODE = (".pyc", ".pyo")
MOST = 50_000  # files of a tree that are looked at


@dataclass(frozen=True, slots=True)
class OpenFile:
    path: str
    appends: bool


def members(process: Process) -> list[int]:
    """The app's own processes, without the sandbox around them."""
    return [] if process.pid is None else [pid for pid in procfs.descendants(process.pid) if program(pid) != "bwrap"]


def program(pid: int) -> str:
    """The path of what it runs, by its name; empty when it has gone."""
    return PurePosixPath(procfs.executable(pid)).name


def command_line(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def environment(pid: int) -> dict[str, str]:
    with contextlib.suppress(OSError):
        pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return dict(pair.decode(errors="replace").split("=", 1) for pair in pairs if b"=" in pair)
    return {}


def written_files(pids: list[int]) -> set[OpenFile]:
    """Regular files outside of temporary directories that are open for writing now."""
    return {found for pid in pids for found in _written_by(pid)}


def changed_files(pid: int, since: float) -> list[str]:
    """What was made or changed below /app since `since` (seconds since the epoch), but for Python's bytecode."""
    root = Path(f"/proc/{pid}/root{HOME}")
    found: list[str] = []
    looked = 0
    for directory, names, files in os.walk(root):
        names[:] = [name for name in names if name not in {"__pycache__", "node_modules", ".git"}]
        for name in files:
            looked += 1
            path = Path(directory) / name
            if not name.endswith(BYTECODE) and _changed_since(path, since):
                found.append(str(path.relative_to(root)))
        if looked > MOST:
            break
    return sorted(found)


def _changed_since(path: Path, since: float) -> bool:
    with contextlib.suppress(OSError):
        status = path.lstat()
        return stat.S_ISREG(status.st_mode) and status.st_ctime > since
    return False


def _written_by(pid: int) -> Iterator[OpenFile]:
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                flags = _flags(pid, entry.name)
                target = str(entry.readlink())
                if flags & os.O_ACCMODE == os.O_RDONLY or not _is_regular(entry) or target.startswith(TEMPORARY):
                    continue
                yield OpenFile(target, bool(flags & os.O_APPEND))


def _is_regular(entry: Path) -> bool:
    return stat.S_ISREG(entry.stat().st_mode)


def _flags(pid: int, descriptor: str) -> int:
    text = Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text()
    return next((int(line.split()[1], 8) for line in text.splitlines() if line.startswith("flags:")), 0)
