"""Control groups, version 1 or 2, controller by controller: where ours may be, one made, asked and removed.

They lie below the group this server runs in, so that nothing leaves what somebody else has set for us. Where version 2
forbids that, because others run in it too, they lie below the root, if we may.
"""

import contextlib
import errno
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from twelve.core.policy.limits import CONTROLLERS, Limits, files
from twelve.core.policy.memory import Usage

OURSELVES = "twelve-server"  # version 2 wants processes in leaves only
TRIES, BETWEEN = 20, 0.01  # seconds, until the last process has left
_JOIN = 'while [ "$1" != -- ]; do echo 0 >"$1"; shift; done; shift; exec "$@"'


@dataclass(frozen=True, slots=True)
class Group:
    """A control group of one controller; of version 2, where all share one directory, what concerns the controller."""

    controller: str
    version: int
    path: Path

    def below(self, name: str) -> "Group":
        return Group(self.controller, self.version, self.path / name)

    def make(self, limits: Limits) -> bool:
        """Whether it is new."""
        try:
            self.path.mkdir()
        except FileExistsError:
            new = False
        else:
            new = True
        for name, text in files(self.controller, self.version, limits).items():
            file = self.path / name.removesuffix("?")
            if not name.endswith("?") or file.exists():
                file.write_text(text)
        return new

    def remove(self) -> None:
        """The last process may still be on its way out."""
        for _ in range(TRIES):
            try:
                self.path.rmdir()
            except FileNotFoundError:
                return
            except OSError as error:
                if error.errno != errno.EBUSY:
                    return
                time.sleep(BETWEEN)

    def usage(self, quota: int) -> Usage:
        """Of a memory group; what is on a tmpfs is its own too. Up to `quota` bytes nobody asks how much is cache."""
        total = self._used()
        if total <= quota:
            return Usage(total, total)
        stat = self._numbers("memory.stat")
        names = ("total_cache", "total_shmem") if self.version == 1 else ("file", "shmem")
        cache, shared = (stat.get(name, 0) for name in names)
        return Usage(total, total - max(0, cache - shared))

    def cpu(self) -> float | None:
        """Seconds used in it; None where it only shares out, as version 1 does without its other controller."""
        if self.version == 1:
            used = _number(self.path / "cpuacct.usage")
            return used / 1e9 if used else None
        used = self._numbers("cpu.stat").get("usage_usec", 0)
        return used / 1e6 if used else None

    def out_of_memory(self) -> int:
        """How many processes the kernel has ended here."""
        return self._numbers("memory.oom_control" if self.version == 1 else "memory.events").get("oom_kill", 0)

    def _used(self) -> int:
        if self.version == 1:
            with_swap = self.path / "memory.memsw.usage_in_bytes"
            return _number(with_swap) or _number(self.path / "memory.usage_in_bytes")
        return _number(self.path / "memory.current") + _number(self.path / "memory.swap.current")

    def _numbers(self, name: str) -> dict[str, int]:
        with contextlib.suppress(OSError):
            return {key: int(value) for key, value in map(str.split, (self.path / name).read_text().splitlines())}
        return {}


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0


def joining(groups: Sequence[Group], argv: Sequence[str]) -> tuple[str, ...]:
    """The command that joins them and then becomes `argv`: what it starts was never outside."""
    return through(doors(groups), argv)


def doors(groups: Sequence[Group]) -> tuple[str, ...]:
    """The files through which a process joins them."""
    return tuple(dict.fromkeys(str(group.path / "cgroup.procs") for group in groups))


def through(files: Sequence[str], argv: Sequence[str]) -> tuple[str, ...]:
    return ("/bin/sh", "-c", _JOIN, "sh", *files, "--", *argv) if files else tuple(argv)


def ours(mounts: str, membership: str) -> Iterator[Group]:
    """Where this process is: from /proc/self/mountinfo and /proc/self/cgroup; version 1 first, version 2 as "*"."""
    own = {names: member for _, names, member in (line.split(":", 2) for line in membership.splitlines())}
    for line in mounts.splitlines():
        fields, _, tail = line.partition(" - ")
        root, point = fields.split()[3:5]
        kind, _, options = tail.split()[:3]
        for names, member in own.items():
            found = Path(point) / os.path.relpath(member, root) if _is_below(member, root) else Path(point)
            if kind == "cgroup2" and names == "":
                yield from (Group("*", 2, path) for path in dict.fromkeys((found, Path(point))))
            elif kind == "cgroup" and names and set(names.split(",")) <= set(options.split(",")):
                yield from (Group(name, 1, found) for name in names.split(",") if name in CONTROLLERS)


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def granted(name: str, limits: Limits) -> Mapping[str, Group]:
    """The groups below which ours may be, by controller: each tried, by a process that joins one called `name`."""
    places = list(ours(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text()))
    first = list({group.controller: group for group in reversed(places) if group.version == 1}.values())
    found = {group.controller: group for group in _working(first, name, limits)}
    for place in places:
        if place.version != 1 and len(found) < len(CONTROLLERS):
            offer = [group for group in _of_version_2(place.path) if group.controller not in found]
            found |= {group.controller: group for group in _working(offer, name, limits)}
    return found


def _working(offer: Sequence[Group], name: str, limits: Limits) -> Sequence[Group]:
    """All at once, as it mostly is, or one by one."""
    if _work([group.below(name) for group in offer], limits):
        return offer
    return [group for group in offer if _work([group.below(name)], limits)]


def _work(groups: Sequence[Group], limits: Limits) -> bool:
    try:
        for group in groups:
            group.make(limits)
        return subprocess.run(joining(groups, ["/bin/true"]), stderr=subprocess.PIPE, check=True).stderr == b""
    except (OSError, subprocess.CalledProcessError):
        return False
    finally:
        for group in groups:
            group.remove()


def _of_version_2(own: Path) -> list[Group]:
    """Its controllers reach the groups below once they are handed down, which needs a group without processes."""
    place = own.parent if own.name == OURSELVES else own
    with contextlib.suppress(OSError):
        offered = [name for name in CONTROLLERS if name in (place / "cgroup.controllers").read_text().split()]
        handed = [name for name in offered if _handed_down(place, name)]
        return [Group(name, 2, place) for name in handed]
    return []


def _handed_down(place: Path, controller: str) -> bool:
    control = place / "cgroup.subtree_control"
    with contextlib.suppress(OSError):
        if controller in control.read_text().split():
            return True
        try:
            control.write_text(f"+{controller}")
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            _step_aside(place)
            control.write_text(f"+{controller}")
        return True
    return False


def _step_aside(place: Path) -> None:
    """Into a leaf of our own; in vain when somebody else is here too, and then harmless."""
    leaf = place / OURSELVES
    leaf.mkdir(exist_ok=True)
    (leaf / "cgroup.procs").write_text("0")
