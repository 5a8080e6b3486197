"""What a supervised process stands on: what all of an engine share, where its output goes, what others wait for."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from twelve.core.ports import BootResult, LogSink, ProcessEvent
from twelve.stages.run.local.journal import Journal
from twelve.stages.run.local.limits import Limiter
from twelve.stages.run.local.ports import Ports
from twelve.stages.run.local.sandbox import Sandbox
from twelve.stages.run.local.spawn import Streams


class Outlet(Protocol):
    """Where the output goes: the log stream, or somebody who holds it."""

    def open(self) -> Streams: ...
    def opened(self) -> None: ...
    def finish(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Ground:
    """What all processes of an engine share. `tell` reaches the engine's subscribers."""

    sandbox: Sandbox
    limiter: Limiter
    ports: Ports
    sink: LogSink
    journal: Journal
    restart_cap: float
    tell: Callable[[ProcessEvent], None]


class Outcome(NamedTuple):
    """What others wait for: whether it came up, and the status it ended with."""

    booted: asyncio.Future[BootResult]
    ended: asyncio.Future[int]
