"""Who belongs to a process, read from /proc: its descendants, and those that carry its id in their environment."""

import contextlib
import time
from pathlib import Path
from uuid import UUID

from twelve.infra import procfs

children, descendants = procfs.children, procfs.descendants

ID_VARIABLE = "HEROKU_DYNO_ID"  # every process we start carries its id; that identifies it beyond its pid
TRIES, BETWEEN = 5, 0.002  # seconds
KERNEL_THREAD = 0x00200000  # PF_KTHREAD


def start_time(pid: int) -> int | None:
    """In clock ticks since boot: a pid used again has another one. None when it is gone or a zombie."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in {"Z", "X"} else int(fields[19])


def parent(pid: int) -> int | None:
    fields = _stat(pid)
    return None if fields is None else int(fields[1])


def is_namespace_init(pid: int) -> bool:
    """Whether it is process 1 of a PID namespace below ours: with it, everything inside ends."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines():
            if line.startswith("NSpid:"):
                numbers = line.split()[1:]
                return len(numbers) > 1 and numbers[-1] == "1"
    return False


def carries(pid: int, process: UUID) -> bool:
    return process == _identity(pid)


def carriers() -> dict[UUID, list[int]]:
    """Every running process that carries an id, by that id."""
    found: dict[UUID, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (process := _identity(int(entry.name))) is not None:
            found.setdefault(process, []).append(int(entry.name))
    return found


def _identity(pid: int) -> UUID | None:
    marker = f"{ID_VARIABLE}=".encode()
    try:
        return next(UUID(entry[len(marker) :].decode()) for entry in _environment(pid) if entry.startswith(marker))
    except (StopIteration, ValueError):
        return None


def _environment(pid: int) -> list[bytes]:
    """The kernel may give nothing for a moment, so nothing is asked for again; its own threads never have any."""
    for _ in range(TRIES):
        with contextlib.suppress(OSError):
            if content := Path(f"/proc/{pid}/environ").read_bytes():
                return content.split(b"\0")
        fields = _stat(pid)
        if fields is None or fields[0] in {"Z", "X"} or int(fields[6]) & KERNEL_THREAD:
            break
        time.sleep(BETWEEN)
    return []


def _stat(pid: int) -> list[str] | None:
    """The fields from the state on; the name before them may hold anything, brackets and blanks too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
