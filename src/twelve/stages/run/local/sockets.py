"""Who listens where, from /proc/net/tcp: whether an app *accepts*, not merely whether the kernel lets one connect."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LISTEN = "0A"
LOOPBACK = {"0100007F", "00000000000000000000000001000000"}  # 127.0.0.1 and ::1, as the kernel prints them


@dataclass(frozen=True, slots=True)
class Listener:
    """`waiting` is the length of the accept queue: connections the kernel made and the app has not taken yet."""

    address: str
    port: int
    waiting: int
    inode: int

    @property
    def loopback_only(self) -> bool:
        return self.address in LOOPBACK


def parse(lines: Iterable[str]) -> Iterator[Listener]:
    """The LISTEN rows. The kernel prints them first, so reading ends with them, however many connections there are."""
    for line in lines:
        fields = line.split()
        if fields[0] == "sl":
            continue
        if fields[3] != LISTEN:
            return
        address, _, port = fields[1].partition(":")
        yield Listener(address, int(port, 16), int(fields[4].partition(":")[2], 16), int(fields[9]))


def listeners() -> list[Listener]:
    found: list[Listener] = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(table, encoding="ascii") as lines:  # noqa: PTH123 - read line by line, often
            found += parse(lines)
    return found


def listeners_of(pids: Iterable[int]) -> list[Listener]:
    return held_by(listeners(), pids)


def held_by(found: Iterable[Listener], pids: Iterable[int]) -> list[Listener]:
    """Those of them that one of these processes has open."""
    held = _socket_inodes(pids)
    return [listener for listener in found if listener.inode in held]


def _socket_inodes(pids: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for fd in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    target = os.readlink(fd.path)  # noqa: PTH115 - hot: no Path for each descriptor
                    if target.startswith("socket:["):
                        found.add(int(target[8:-1]))
    return found
