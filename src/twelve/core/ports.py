"""What the upper floors need from the world, each as small as its callers allow.

Rooms never meet: a room that needs another takes one of these, and flow hands it over.
Every method here may be called from any thread and blocks until done, unless it says otherwise.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from twelve.core.model import ConfigVars, Process, ProcessSpec
from twelve.core.model.metrics import Requests, Usage
from twelve.core.model.rollout import Rollout


class LogSink(Protocol):
    """Where platform events go: one call a line, stamped on arrival."""

    def write(self, app: str, process: str, text: str, *, source: str = "heroku") -> None: ...


class RequestMeter(Protocol):
    """Is shown every raw router line, many of one app at once, by the thread that reads them."""

    def observe(self, app: str, lines: bytes) -> None: ...


class OutputPump(Protocol):
    """Takes what processes print from the reading ends of their pipes into the log stream."""

    def attach(self, fd: int, app: str, process: str, key: str) -> None:
        """Own `fd` (non-blocking, kept open by us) and read it until `finish`.

        `key` is the pipe's own: the beginning of a line that an earlier server read from it goes on here.
        """

    def finish(self, fd: int) -> tuple[str, ...]:
        """Its process has ended: read what is left, emit a last line without a newline, close `fd`.

        Gives the last lines it printed since `attach`, at most 20.
        """


@dataclass(frozen=True, slots=True)
class PlatformProcess:
    """A process of the platform itself, as `status` shows it."""

    name: str
    role: str
    pid: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Backend:
    """A process that can serve: `id` the process's UUID, `name` "web.1", its port on loopback."""

    id: UUID
    name: str
    port: int


class Router(Protocol):
    """The front door. `app` is the app's name everywhere.

    `mode` tells what to answer while no backend is ready: "hold" (processes are starting: requests wait, H20 after
    75 s), "crashed" (H10), "none" (no web processes, H14), "blank" (nothing released, H81), "maintenance" (H80; wins
    over ready backends), "serving" (the normal state).
    """

    def set_hosts(self, app: str, hosts: Sequence[str]) -> None: ...
    def set_mode(self, app: str, mode: str) -> None: ...
    def switch(self, app: str, ready: Sequence[Backend], drain: Sequence[UUID] = ()) -> None:
        """In one batch: every backend of `ready` takes traffic, then none of `drain` gets a new request.

        During a rollout a backend belongs to the variant that its number says (core/policy/rollout.py).
        """

    def set_rollout(self, app: str, rollout: Rollout | None) -> None:
        """Deal the app's requests out as it says. One that is over deals nothing out any more, and its variants'
        backends stay known until they are removed; None forgets it.

        A variant without a ready backend has its requests answered by the control's.
        """

    def in_flight(self, app: str, backend: UUID) -> int:
        """Requests and upgraded connections open on a backend now; 0 when it is unknown."""

    def remove(self, app: str, backend: UUID) -> None:
        """Forget a backend; unknown ones are fine. Its process may still be running or already gone."""

    def forget(self, app: str) -> None:
        """Remove the app, its hosts and its backends."""

    def known(self) -> dict[str, set[UUID]]:
        """The backends of every app it holds; after a start, what an earlier server told it."""

    def requests(self, app: str | None = None) -> Mapping[str, Requests]:
        """By app, what its processes answered. Counters, which never go down; nothing of an app it does not know."""

    def processes(self) -> list[PlatformProcess]: ...


@dataclass(frozen=True, slots=True)
class ProcessEvent:
    """`kind`: starting, up, unready, ready, exited, gone.

    An exit has a `status` and `delay`, the seconds until the restart, if any. "unready" may come more than once.
    """

    process: Process
    kind: str
    status: int | None = None
    delay: float | None = None


@dataclass(frozen=True, slots=True)
class BootResult:
    """`kind`: up, crashed, timeout, stopped. `detail` is one sentence; `tail` the process's last output lines."""

    process: Process
    kind: str
    status: int | None = None
    detail: str = ""
    tail: tuple[str, ...] = ()


class AttachedProcess(Protocol):
    """A one-off whose input and output somebody holds. Bytes in, bytes out; `read` gives b"" at the end."""

    process: Process

    def read(self, size: int = 65536) -> bytes: ...
    def write(self, data: bytes) -> None: ...
    def close_input(self) -> None: ...
    def resize(self, columns: int, rows: int) -> None: ...
    def hang_up(self) -> None: ...
    def wait(self) -> int: ...


class Engine(Protocol):
    """Runs processes. Kept ones are started again after any exit, by core/policy/restart.py."""

    @property
    def weakness(self) -> str:
        """What its isolation lacks on this machine, in a sentence; empty when it is whole."""

    @property
    def confined(self) -> bool:
        """Whether this machine lets it keep processes from the rest of the machine at all."""

    def start(self, specs: Sequence[ProcessSpec]) -> list[Process]:
        """Start them; returns once all are spawned."""

    def wait_up(self, ids: Iterable[UUID]) -> list[BootResult]:
        """Wait until each is up or has failed to get there; a first failure ends the wait for the others."""

    def stop(self, ids: Iterable[UUID], *, quiet: bool = False) -> None:
        """SIGTERM every process of each, in parallel; SIGKILL after its grace; returns when all are gone.

        `quiet` leaves out the line "State changed from up to down": the process is replaced, not taken away.
        """

    def wait_exit(self, process: UUID, timeout: float | None = None) -> int:
        """The exit status of a process that runs once; TimeoutError when it still runs after `timeout` seconds."""

    def attach(self, spec: ProcessSpec) -> AttachedProcess: ...
    def processes(self, app_id: UUID | None = None) -> list[Process]: ...
    def subscribe(self, listener: Callable[[ProcessEvent], None]) -> None:
        """`listener` is called from the engine's thread and must not block."""

    def recorded(self) -> list[Process]:
        """What an earlier server started and this one has not adopted yet."""

    def adopt(self, specs: Mapping[UUID, ProcessSpec]) -> list[Process]:
        """Take over recorded processes, `specs` by their id; gives those that run, or run again by the restart policy.

        What has no spec is stopped. What ended without a trace (a reboot) is forgotten, so that it can be started anew.
        """

    def usage(self, app_id: UUID | None = None) -> Mapping[UUID, Usage]:
        """What each process that runs has used in this life of it, the sandbox included."""

    def platform_processes(self) -> list[PlatformProcess]:
        """Helpers of its own that outlive a server."""

    def close(self, *, stop: bool = False) -> None:
        """End supervision; the processes go on, to be adopted by the next server, unless `stop`."""


class Sealer(Protocol):
    def seal(self, plain: bytes, *, context: str) -> bytes: ...
    def open(self, sealed: bytes, *, context: str) -> bytes: ...


class Provider(Protocol):
    """One kind of backing service. A server is started when first needed and kept running by its provider."""

    name: str
    default_attachment: str

    def ensure_running(self, details: Iterable[Mapping[str, str]] = ()) -> None:
        """Serve these resources too. A starting platform passes those of every resource, as servers may have ended."""

    def stop(self) -> None: ...
    def release(self) -> None:
        """Leave its servers running, for the next platform process to adopt."""

    def create(self, resource: str) -> ConfigVars:
        """Make a database, key space, bucket ... named after `resource`; gives the details to seal."""

    def destroy(self, details: Mapping[str, str]) -> None: ...
    def config(self, attachment: str, details: Mapping[str, str]) -> dict[str, str]:
        """The config vars an attachment of that name contributes, with today's address in them."""

    def keys(self, attachment: str) -> frozenset[str]:
        """The names of those config vars."""

    def version(self) -> str: ...
    def processes(self) -> list[PlatformProcess]: ...


class Progress(Protocol):
    """Where a long piece of work says what it is doing: heroku's "-----> step" lines and the output below them."""

    def step(self, text: str) -> None: ...
    def line(self, text: str) -> None: ...
