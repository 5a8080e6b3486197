"""An engine, a router and a builder in memory, true to their ports: the API's contract needs no sandbox and no HAProxy."""

import hashlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid5

from twelve.core.errors import BadProcfile, Where
from twelve.core.formats import procfile
from twelve.core.formats.text import errors_of
from twelve.core.model import AppManifest, Process, ProcessSpec, ProcessState, Slug, Source
from twelve.core.model.metrics import Requests, Usage
from twelve.core.model.rollout import Rollout
from twelve.core.ports import Backend, BootResult, PlatformProcess, ProcessEvent, Progress
from twelve.stages.build.store import Slugs

NAMESPACE = UUID("00000000-0000-4000-8000-000000000012")


class PipedProcess:
    """A real one-off on pipes."""

    def __init__(self, process: Process, command: str, env: Mapping[str, str], forget: Callable[[], None]) -> None:
        self.process = process
        self.size: tuple[int, int] | None = None
        self._forget = forget
        self._child = subprocess.Popen(
            ["/bin/sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], **env}, start_new_session=True, bufsize=0,
        )  # fmt: skip

    def read(self, size: int = 65536) -> bytes:
        return os.read(self._child.stdout.fileno(), size)

    def write(self, data: bytes) -> None:
        self._child.stdin.write(data)

    def close_input(self) -> None:
        self._child.stdin.close()

    def resize(self, columns: int, rows: int) -> None:
        self.size = columns, rows

    def hang_up(self) -> None:
        self._child.kill()

    def wait(self) -> int:
        status = self._child.wait()
        self._forget()
        self._child.stdout.close()
        self._child.stdin.close()
        return status if status >= 0 else 128 - status

    @property
    def pid(self) -> int:
        return self._child.pid


class MemoryEngine:
    """Every process is up at once, unless its command is "exit N": that one crashes."""

    def __init__(self) -> None:
        self.attached: list[PipedProcess] = []
        self.started: list[ProcessSpec] = []
        self._processes: dict[UUID, Process] = {}
        self._listeners: list[Callable[[ProcessEvent], None]] = []
        self._lock = threading.Lock()

    def start(self, specs: Sequence[ProcessSpec]) -> list[Process]:
        started = [_process(spec) for spec in specs]
        with self._lock:
            self._processes |= {process.id: process for process in started}
            self.started += specs
        return started

    def wait_up(self, ids: Iterable[UUID]) -> list[BootResult]:
        return [_result(self._processes[process]) for process in ids]

    def stop(self, ids: Iterable[UUID], *, quiet: bool = False) -> None:
        del quiet
        for process in list(ids):
            self.end(process, 143)

    def end(self, process: UUID, status: int) -> None:
        """Somebody stopped it, or a test says that it has ended by itself."""
        known = self._processes.get(process)
        for listener in self._listeners if known else []:
            listener(ProcessEvent(known, "exited", status))
        self._forget(process)

    def wait_exit(self, process: UUID, timeout: float | None = None) -> int:
        raise NotImplementedError(process, timeout)

    def attach(self, spec: ProcessSpec) -> PipedProcess:
        [process] = self.start([spec])
        attached = PipedProcess(process, spec.command, spec.env, lambda: self._forget(process.id))
        self.attached.append(attached)
        return attached

    def processes(self, app_id: UUID | None = None) -> list[Process]:
        with self._lock:
            return [process for process in self._processes.values() if app_id in {None, process.app_id}]

    weakness = ""
    confined = True

    def usage(self, app_id: UUID | None = None) -> Mapping[UUID, Usage]:
        return {process.id: Usage(1.5, 1 << 20, 1e9) for process in self.processes(app_id)}

    def platform_processes(self) -> list[PlatformProcess]:
        return []

    def subscribe(self, listener: Callable[[ProcessEvent], None]) -> None:
        self._listeners.append(listener)

    def recorded(self) -> list[Process]:
        return []

    def adopt(self, specs: Mapping[UUID, ProcessSpec]) -> list[Process]:
        del specs
        return []

    def close(self, *, stop: bool = False) -> None:
        del stop

    def _forget(self, process: UUID) -> None:
        with self._lock:
            self._processes.pop(process, None)


def _process(spec: ProcessSpec) -> Process:
    now = datetime.now(UTC)
    return Process(
        id=spec.id, app_id=spec.app_id, app=spec.app, type=spec.type, number=spec.number, release_id=spec.release_id,
        release_version=spec.release_version, command=spec.command, size=spec.size, created_at=now, updated_at=now,
        state=ProcessState.CRASHED if spec.command.startswith("exit") else ProcessState.UP, pid=os.getpid(), port=9,
    )  # fmt: skip


def _result(process: Process) -> BootResult:
    if process.state == ProcessState.UP:
        return BootResult(process, "up")
    status = int(process.command.split()[1])
    return BootResult(replace(process, exit_status=status), "crashed", status, tail=("the last words",))


class MemoryRouter:
    def __init__(self) -> None:
        self.hosts: dict[str, list[str]] = {}
        self.modes: dict[str, str] = {}

    def set_hosts(self, app: str, hosts: Sequence[str]) -> None:
        self.hosts[app] = list(hosts)

    def set_mode(self, app: str, mode: str) -> None:
        self.modes[app] = mode

    def switch(self, app: str, ready: Sequence[Backend], drain: Sequence[UUID] = ()) -> None:
        """Nobody knocks."""

    def set_rollout(self, app: str, rollout: Rollout | None) -> None:
        """Nobody knocks."""

    def in_flight(self, app: str, backend: UUID) -> int:
        del app, backend
        return 0

    def remove(self, app: str, backend: UUID) -> None:
        """Nobody knocks."""

    def forget(self, app: str) -> None:
        self.hosts.pop(app, None)

    def requests(self, app: str | None = None) -> Mapping[str, Requests]:
        return {name: Requests() for name in self.hosts if app in {None, name}}

    def processes(self) -> list[PlatformProcess]:
        return []

    def keep_only(self, apps: Iterable[str]) -> None:
        self.hosts = {app: self.hosts[app] for app in apps if app in self.hosts}


class ProcfileBuilder:
    """A slug is what the Procfile says."""

    def __init__(self, slugs: Slugs) -> None:
        self._slugs = slugs

    def prune(self, keep: set[str]) -> int:
        return 0

    def build(self, source: Source, progress: Progress) -> Slug:
        progress.step("Reading the Procfile")
        data = (Path(source.tree) / "Procfile").read_bytes()
        types, notes = procfile.parse(data)
        if broken := errors_of(notes):
            raise BadProcfile(broken[0].message, where=Where("Procfile", broken[0].line))
        digest = hashlib.sha256(data).hexdigest()
        slug = Slug(uuid5(NAMESPACE, digest), digest, (), types, AppManifest(), commit=source.commit, size=len(data))
        return self._slugs.save(slug)
