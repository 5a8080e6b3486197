"""Factor XI: what a process prints, on a named pipe that neither side's death breaks.

The process holds it open for reading too, so it never meets SIGPIPE; while nobody reads, the kernel keeps what fits.
A sleeping holder keeps the pipe alive when the process ends while no server runs: its last words are still there.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from uuid import UUID

from twelve.core.ports import OutputPump, PlatformProcess
from twelve.stages.run.local import tree
from twelve.stages.run.local.spawn import Streams

PIPE_BYTES = 256 * 1024  # an ordinary user may have 64 MiB of pipes
FOREVER = str(2**31 - 1)  # seconds
PIPE, HOLDER = "output", "holder"


class PumpedOutput:
    def __init__(self, place: Path, pump: OutputPump, app: str, process: str) -> None:
        self._path = place / PIPE
        self._pump = pump
        self._app = app
        self._process = process
        self._reader: int | None = None
        self._nothing = -1
        self.writer = -1

    def open(self) -> Streams:
        """For one start; `opened` is told when the process has its own copies."""
        if not self._path.exists():
            os.mkfifo(self._path, 0o600)
        self.writer = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # an ordinary user over the limit keeps the default of 64 KiB
            fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self.read()
        return Streams(stdin=self._nothing, output=self.writer)

    def opened(self) -> None:
        os.close(self.writer)
        os.close(self._nothing)

    def read(self) -> None:
        if self._path.exists():
            self._reader = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            self._pump.attach(self._reader, self._app, self._process, self._path.parent.name)

    def finish(self) -> tuple[str, ...]:
        """The process has ended; gives its last lines."""
        if self._reader is None:
            return ()
        reader, self._reader = self._reader, None
        return self._pump.finish(reader)


class Holders:
    """One sleeping process for all pipes of a batch, from when all of it have begun; it ends with the last of them, and
    dies of nothing else for good.

    Belongs to the engine's loop.
    """

    def __init__(self) -> None:
        self._held: dict[int, set[UUID]] = {}
        self._places: dict[UUID, Path] = {}

    def hold(self, places: dict[UUID, Path], writers: Iterable[int]) -> None:
        inherited = list(writers)
        for descriptor in inherited:
            os.set_inheritable(descriptor, True)
        pid = os.posix_spawnp("sleep", ["sleep", FOREVER], {}, setsid=True, setsigdef=[signal.SIGTERM])
        for descriptor in inherited:
            os.set_inheritable(descriptor, False)
        told = f"{pid} {tree.start_time(pid)}"
        first, *others = [place / HOLDER for place in places.values()]
        first.unlink(missing_ok=True)  # others of its batch may go on with the holder before
        first.write_text(told)
        for note in others:  # a link costs a tenth of a file
            note.unlink(missing_ok=True)
            note.hardlink_to(first)
        self._held[pid] = set(places)
        self._places |= places
        self._watch(pid)

    def adopt(self, process: UUID, place: Path) -> None:
        with contextlib.suppress(OSError, ValueError):
            pid, started = (place / HOLDER).read_text().split()
            if str(tree.start_time(int(pid))) == started:
                if int(pid) not in self._held:
                    self._watch(int(pid))
                self._held.setdefault(int(pid), set()).add(process)
                self._places[process] = place

    def replace(self, places: Mapping[UUID, Path]) -> None:
        """A holder for those of them whose own is gone."""
        held = {process for processes in self._held.values() for process in processes}
        bare = {one: place for one, place in places.items() if one not in held and (place / PIPE).exists()}
        writers = [os.open(place / PIPE, os.O_RDWR | os.O_CLOEXEC) for place in bare.values()]
        if bare:
            self.hold(bare, writers)
        for writer in writers:
            os.close(writer)

    def release(self, process: UUID) -> None:
        self._places.pop(process, None)
        for pid, held in list(self._held.items()):
            held.discard(process)
            if not held:
                del self._held[pid]
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)

    def _watch(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            asyncio.get_running_loop().add_reader(descriptor, self._ended, pid, descriptor)

    def _ended(self, pid: int, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        if held := self._held.pop(pid, None):  # not by us
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            self.replace({process: self._places[process] for process in held})

    def processes(self) -> list[PlatformProcess]:
        return [PlatformProcess("holder", "keeps the output of processes", pid) for pid in list(self._held)]
