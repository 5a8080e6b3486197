"""Process types become processes: web.1, worker.2, run.4821. Sizes and states."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from twelve.core.model.build import Slug
from twelve.core.model.manifest import FormationWish, HealthCheck

SIZES: Mapping[str, int] = {  # memory quota in MiB
    "eco": 512,
    "basic": 512,
    "standard-1x": 512,
    "standard-2x": 1024,
    "performance-m": 2560,
    "performance-l": 14336,
}


class ProcessState(StrEnum):
    STARTING = "starting"
    UP = "up"
    CRASHED = "crashed"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Autoscale:
    """Between how many processes the platform may choose, and by what: one of `p95`, milliseconds that 95 % of the
    requests should take at most, and `queue`, requests open at a time for each process."""

    minimum: int
    maximum: int
    p95: int | None = None
    queue: int | None = None

    @property
    def target(self) -> str:
        return f"p95 {self.p95} ms" if self.queue is None else f"queue {self.queue}"

    def __str__(self) -> str:
        return f"{self.minimum}..{self.maximum} by {self.target}"


@dataclass(frozen=True, slots=True)
class FormationEntry:
    """`autoscale` is None where a person decides about the quantity."""

    app_id: UUID
    type: str
    quantity: int
    size: str = "standard-1x"
    autoscale: Autoscale | None = None


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """Everything one start needs. `env` is complete but for what only the engine knows: PORT, DYNO, HEROKU_DYNO_ID.

    `kept` processes belong to the formation and are started again after any exit; others run once.
    `routed` processes are checked on $PORT before they are up (type web); others by `checks` or by staying alive.
    `new`: its release has not served yet; the process's first start is told so.
    `terminal` is (columns, rows) for a one-off on a pty, None for pipes or the log stream.
    """

    id: UUID
    app_id: UUID
    app: str
    type: str
    number: int
    release_id: UUID
    release_version: int
    command: str
    slug: Slug
    env: Mapping[str, str]
    kept: bool
    routed: bool = False
    size: str = "standard-1x"
    wish: FormationWish = field(default_factory=FormationWish)
    checks: tuple[HealthCheck, ...] = ()
    host: str = ""
    terminal: tuple[int, int] | None = None
    attached: bool = False
    new: bool = False

    @property
    def name(self) -> str:
        return f"{self.type}.{self.number}"


@dataclass(frozen=True, slots=True)
class Process:
    """A process as it is now. `pid` is what we started (the sandbox); `exit_status` follows the shell: 128 + signal."""

    id: UUID
    app_id: UUID
    app: str
    type: str
    number: int
    release_id: UUID
    release_version: int
    command: str
    state: ProcessState
    size: str
    created_at: datetime
    updated_at: datetime
    pid: int | None = None
    port: int | None = None
    exit_status: int | None = None

    @property
    def name(self) -> str:
        return f"{self.type}.{self.number}"
