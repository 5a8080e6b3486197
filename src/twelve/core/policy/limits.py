"""What a size allows, and how a control group is told: bytes, processes, and a share of the processors."""

from collections.abc import Mapping
from dataclasses import dataclass

from twelve.core.policy.memory import MIB, VAST
from twelve.core.policy.sizes import DEFAULT, quota

CONTROLLERS = ("memory", "pids", "cpu")
OPEN_FILES = 10_000
PROCESSES, FEWEST = 256, 32  # of the default size, threads included; of any
SHARES, WEIGHT = 256, 25  # of a default size, in version 1 and 2: a quarter of what the platform itself has


@dataclass(frozen=True, slots=True)
class Limits:
    """`quota` in bytes; `share` is 1 for the default size."""

    quota: int
    processes: int
    share: float

    @property
    def memory(self) -> int:
        return VAST * self.quota


def limits(size: str) -> Limits:
    share = quota(size) / quota(DEFAULT)
    return Limits(quota(size) * MIB, max(FEWEST, int(PROCESSES * share)), share)


def files(controller: str, version: int, limits: Limits) -> Mapping[str, str]:
    """File of the control group -> what to write, in this order. Names with "?" are not on every machine."""
    match controller, version:
        case "memory", 1:
            most = str(limits.memory)
            return {"memory.limit_in_bytes": most, "memory.memsw.limit_in_bytes?": most}
        case "memory", _:
            return {"memory.max": str(limits.memory), "memory.swap.max?": "0", "memory.oom.group?": "1"}
        case "cpu", 1:
            return {"cpu.shares": str(max(2, int(SHARES * limits.share)))}
        case "cpu", _:
            return {"cpu.weight": str(max(1, min(10_000, int(WEIGHT * limits.share))))}
        case _:
            return {"pids.max": str(limits.processes)}
