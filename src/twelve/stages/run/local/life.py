"""One life of a process: a sandbox from its spawn to the end of its last process, ours or an earlier server's.

      bwrap (`pid`)                      its exit carries the status: the app's own end
      └─ init (`child-pid` on file)      ends when everything inside has ended
         └─ the app and its children     SIGTERM goes to these, never to the two above

Where bubblewrap is refused, `pid` is the app's first process (`first-pid` on file), directly below an init of ours.
The status file is written by the sandbox itself, so it is true even while no server runs.
"""

import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path
from uuid import UUID

from twelve.core.policy.exits import from_wait
from twelve.stages.run.local import tree

STATUS = "status"  # the file, in the process's directory
KILLED = 128 + signal.SIGKILL
POLL = 0.01  # seconds, where the kernel offers nothing to wait for


class Life:
    """Belongs to the engine's loop. `pid` is None when an earlier server started it and its program has ended."""

    def __init__(self, process: UUID, pid: int | None, status_file: Path) -> None:
        self.pid = pid
        self._process = process
        self._file = status_file
        self._init: tuple[int, int] | None = None

    async def first_exit(self) -> int:
        """The status of the app's first process, as the shell gives it: 128 + signal."""
        seen = None
        init = self._own_init()
        if self.pid is not None:
            await _ended(self.pid, *([] if init is None else [init]))
            seen = _reap(self.pid)
        if init is not None:
            return await self._told()
        recorded = recorded_exit(self._file)
        return next((status for status in (recorded, seen) if status is not None), KILLED)

    async def gone(self) -> None:
        """Until the last process inside has ended; call it after the first exit."""
        init = self.init()
        if init is not None:
            await _ended(init)

    def init(self) -> int | None:
        """None until the sandbox has written it, and when it has ended. Known once, its start time identifies it."""
        if self._init is None:
            pid = _recorded(self._file).get("child-pid")
            if pid is None or not (tree.parent(pid) == self.pid or tree.carries(pid, self._process)):
                return None
            started = tree.start_time(pid)
            self._init = None if started is None else (pid, started)
        if self._init is None or tree.start_time(self._init[0]) != self._init[1]:
            return None
        return self._init[0]

    def members(self) -> list[int]:
        """Every process of the app, not the sandbox's own."""
        init = self.init()
        return [] if init is None else tree.descendants(init)

    def signal(self, number: int, but: frozenset[int] = frozenset()) -> frozenset[int]:
        """To every process of the app; gives those that were reached."""
        return frozenset(pid for pid in self.members() if pid not in but and _send(pid, number))

    async def terminate(self) -> None:
        """SIGTERM to every process of the app, to those forked meanwhile, and to those that are yet to begin."""
        reached = self.signal(signal.SIGTERM)
        while not self._over():
            fresh = self.signal(signal.SIGTERM, reached)
            if reached and not fresh:
                return
            reached |= fresh
            await asyncio.sleep(0 if reached else POLL)

    def kill(self) -> None:
        """The end of its init ends a PID namespace; where there is none, each process is killed, and the init ends."""
        init = self.init()
        if init is None and self.pid is not None:
            _send(self.pid, signal.SIGKILL)
        elif init is not None and tree.is_namespace_init(init):
            _send(init, signal.SIGKILL)
        else:
            self.signal(signal.SIGKILL)

    def _own_init(self) -> int | None:
        return None if recorded_first(self._file) is None else self.init()

    async def _told(self) -> int:
        """An init of ours sees the end a moment after us. Once it is gone, nobody minds what is left of the app."""
        while True:
            stands = self.init() is not None
            if (status := recorded_exit(self._file)) is not None:
                return status
            if not stands:
                if self.pid is not None and tree.carries(self.pid, self._process):
                    _send(self.pid, signal.SIGKILL)
                return KILLED
            await asyncio.sleep(POLL)

    def _over(self) -> bool:
        return self.pid is None or tree.start_time(self.pid) is None


def recorded_init(status_file: Path) -> int | None:
    return _recorded(status_file).get("child-pid")


def recorded_first(status_file: Path) -> int | None:
    """None of a sandbox whose program ends with the app's first process, and so stands for it."""
    return _recorded(status_file).get("first-pid")


def recorded_exit(status_file: Path) -> int | None:
    return _recorded(status_file).get("exit-code")


def _recorded(file: Path) -> dict[str, int]:
    """`child-pid` at the start, `exit-code` at the end, one JSON object a line."""
    known: dict[str, int] = {}
    with contextlib.suppress(OSError):
        for line in file.read_text().splitlines():
            with contextlib.suppress(ValueError):
                known |= json.loads(line)
    return known


async def _ended(*pids: int) -> None:
    """The first of them; also of processes that are not our children. A zombie has ended."""
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()
    watched = []
    try:
        for pid in pids:
            watched.append(os.pidfd_open(pid))
            loop.add_reader(watched[-1], _settle, readable)
        await readable
    except ProcessLookupError:
        return
    finally:
        for descriptor in watched:
            loop.remove_reader(descriptor)
            os.close(descriptor)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _reap(pid: int) -> int | None:
    """None when it is not our child: then its status is on file, or nobody knows it."""
    try:
        return from_wait(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return None


def _send(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
