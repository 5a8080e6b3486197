"""What processes use, read from /proc when somebody asks: processor time, and memory as their share of its pages."""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from twelve.core.model.metrics import Usage
from twelve.infra import procfs

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def of_tree(pid: int) -> Usage:
    """The process with all its descendants; what these left behind when they ended counts too."""
    pids = [pid, *procfs.descendants(pid)]
    return Usage(cpu(pids), memory(pids), started(pid))


def of_process(pid: int) -> Usage:
    """Without its children, those that have ended too."""
    return Usage(cpu([pid], children=False), memory([pid]), started(pid))


def cpu(pids: Iterable[int], *, children: bool = True) -> float:
    """Seconds, with those of children that have ended and been waited for."""
    counted = slice(11, 15 if children else 13)
    return sum(sum(int(ticks) for ticks in _stat(pid)[counted]) for pid in pids) / TICKS


def memory(pids: Iterable[int]) -> int:
    """Bytes. Shared pages count in part for each that has them; where that may not be asked, wholly."""
    return sum(_proportional(pid) for pid in pids)


def started(pid: int) -> float | None:
    """Seconds since the epoch."""
    fields = _stat(pid)
    return _booted() + int(fields[19]) / TICKS if fields else None


def _proportional(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    return 0


def _stat(pid: int) -> list[str]:
    """The fields from the state on; empty when it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return []


@cache
def _booted() -> float:
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
