"""What keeps a process within its size on this machine: control groups where they are granted, else what is left.

A process's groups are noted in its directory, so that the next server finds them wherever it runs itself: a link to one
note for all, which costs a tenth of a file, to which the directory's name is added.
"""

import hashlib
import logging
import os
import re
import resource
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from twelve.core.policy import limits
from twelve.core.policy.limits import CONTROLLERS, OPEN_FILES
from twelve.core.policy.memory import Usage
from twelve.core.policy.sizes import DEFAULT
from twelve.stages.run.local.cgroups import Group, doors, granted
from twelve.stages.run.local.spawn import Start

log = logging.getLogger(__name__)

NOTE = "limits"
OTHERWISE = {
    "memory": "memory is looked at every 5 seconds instead, so a quick hog can pass its quota for a moment",
    "pids": "sandboxes of an ordinary user count their own processes, others have no limit",
    "cpu": "an app can take more than its share of the processors",
}


@dataclass(frozen=True, slots=True)
class Groups:
    """The control groups of one life; empty where none are granted."""

    groups: tuple[Group, ...] = ()
    ended_before: int = 0  # by the kernel, in a group that could not be removed after an earlier life

    def joined(self, start: Start) -> Start:
        return replace(start, groups=doors(self.groups))

    def usage(self, quota: int) -> Usage | None:
        """None when no control group counts its memory."""
        return None if self._memory is None else self._memory.usage(quota)

    def out_of_memory(self) -> bool:
        """Whether the kernel has ended a process of it."""
        return self._memory is not None and self._memory.out_of_memory() > self.ended_before

    def remove(self) -> None:
        for group in self.groups:
            group.remove()

    @property
    def _memory(self) -> Group | None:
        return next((group for group in self.groups if group.controller == "memory"), None)


class Limiter:
    def __init__(self, run: Path) -> None:
        """`run` names this instance: two on a machine have groups of their own."""
        self._prefix = f"twelve-{hashlib.sha256(bytes(run)).hexdigest()[:8]}-"
        self._note = run / NOTE
        self._parents: Mapping[str, Group] = granted(f"{self._prefix}probe", limits.limits(DEFAULT))

    @property
    def in_force(self) -> Sequence[str]:
        """Of memory, pids and cpu: those control groups limit."""
        return [name for name in CONTROLLERS if name in self._parents]

    @property
    def meaning(self) -> str:
        if not self.lacks:
            versions = " and ".join(sorted({str(group.version) for group in self._parents.values()}))
            return (
                f"Control groups (version {versions}) hold each process to the memory, processes and CPU of its size."
            )
        return f"No control group for {', '.join(self.lacks)}: {'; '.join(OTHERWISE[name] for name in self.lacks)}."

    @property
    def lacks(self) -> Sequence[str]:
        return [name for name in CONTROLLERS if name not in self._parents]

    def note(self) -> None:
        self._note.unlink(missing_ok=True)  # processes of an earlier server keep theirs
        self._note.write_text(self._noted)

    def make(self, process: UUID, size: str, place: Path) -> Groups:
        """For one life; `place` is the process's directory."""
        allowed = limits.limits(size)
        planned = [parent.below(self._prefix + process.hex) for parent in self._parents.values()]
        self._link(place / NOTE)
        made, ended = [], 0
        for group in planned:
            try:
                new = group.make(allowed)
            except OSError as error:
                log.warning("no %s limit for process %s: %s", group.controller, process, error)
            else:
                made.append(group)
                ended += group.out_of_memory() if group.controller == "memory" and not new else 0
        return Groups(tuple(made), ended)

    @property
    def _noted(self) -> str:
        parents = self._parents.values()
        return "".join(f"{one.controller} {one.version} {one.path / self._prefix}\n" for one in parents)

    def _link(self, note: Path) -> None:
        note.unlink(missing_ok=True)
        try:
            note.hardlink_to(self._note)
        except OSError:
            note.write_text(self._noted)

    def processes(self, size: str) -> int | None:
        """The most a sandbox with users of its own may have, where no control group counts them; None without limit.

        Kernels count by user namespace from 5.14 on, and never hold root to it.
        """
        counted = "pids" in self._parents or os.geteuid() == 0 or _kernel() < (5, 14)
        return None if counted else limits.limits(size).processes


def noted(place: Path) -> Groups:
    """Those of a life an earlier server began."""
    found = []
    with suppress(OSError, ValueError):
        for line in (place / NOTE).read_text().splitlines():
            controller, version, path = line.split(" ", 2)
            whole = path if path.endswith(place.name) else path + place.name  # whole where an earlier version wrote it
            found.append(Group(controller, int(version), Path(whole)))
    return Groups(tuple(group for group in found if group.path.is_dir()))


def _kernel() -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])


def shell_limits(processes: int | None) -> str:
    """What the shell sets for itself and all below it. A core would fill the ephemeral overlay, which is memory."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    wanted = ("-c 0", f"-n {most}", *([] if processes is None else [f"-u {processes}"]))
    return "\n".join(f"ulimit {limit}" for limit in wanted)
