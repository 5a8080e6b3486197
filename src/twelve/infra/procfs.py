"""What /proc tells about processes we did not start ourselves: who is it, and who still holds a pipe of ours."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DELETED = " (deleted)"  # the kernel's mark on the name of an unlinked file


@dataclass(frozen=True, slots=True)
class Identity:
    """A process and no later one of the same number: a pid alone says nothing after a while, or after a reboot."""

    pid: int
    started: int
    boot: str


@cache
def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def identity(pid: int) -> Identity | None:
    """None when no such process runs; a zombie does not run."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()  # the name before it may contain anything
    return None if state in "ZX" else Identity(pid, int(fields[18]), boot_id())


def executable(pid: int) -> str:
    """Its program's path, also when an upgrade has replaced the file since; empty when it may not be asked."""
    return _link(f"/proc/{pid}/exe")


def writers(pipe: Path) -> list[int]:
    """Processes whose standard output or error is this named pipe."""
    path = str(pipe.resolve())
    return [pid for pid in _pids() if path in {_link(f"/proc/{pid}/fd/{number}") for number in (1, 2)}]


def working_in(directory: Path) -> list[int]:
    """Processes whose working directory it is."""
    path = str(directory.resolve())
    return [pid for pid in _pids() if _link(f"/proc/{pid}/cwd") == path]


def children(pid: int) -> list[int]:
    """A child belongs to the thread that forked it, so every thread is asked."""
    found: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (thread / "children").read_bytes().split()]
    return found


def descendants(pid: int) -> list[int]:
    """Parents before their children, `pid` itself not among them."""
    found: list[int] = []
    queue = [pid]
    while queue:
        fresh = children(queue.pop(0))
        found += fresh
        queue += fresh
    return found


def child_of(parent: int, program: str) -> int | None:
    """The child that runs this program: what a launcher that stays in between has started."""
    children = Path(f"/proc/{parent}/task/{parent}/children")
    try:
        found = [int(pid) for pid in children.read_text().split()]
    except OSError:
        return None
    return next((pid for pid in found if Path(executable(pid)).name == program), None)


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink()).removesuffix(DELETED)
    except OSError:
        return ""


def keep_descriptors_to_ourselves() -> None:
    """What the server inherited and does not know of must not be held open by apps that outlive it."""
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if int(entry.name) > 2:
                os.set_inheritable(int(entry.name), False)
