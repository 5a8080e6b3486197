"""What can be measured of an app and of the platform: records that say how it is now, and counters that only grow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")  # of status codes
NO_STATUS = "none"  # the client left before there was one


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a process with everything below it. `cpu` in seconds and `memory` in bytes; `started` since the epoch."""

    cpu: float = 0.0
    memory: int = 0
    started: float | None = None


@dataclass(frozen=True, slots=True)
class Requests:
    """`total` counts by class of status. `open`: answered right now or waiting for it; None when nobody could tell."""

    total: Mapping[str, int] = field(default_factory=dict)
    open: int | None = None
    processes: Mapping[UUID, "Requests"] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(self.total.values())


@dataclass(frozen=True, slots=True)
class Latency:
    """How many requests took how long: buckets of core/policy/latency.py; `total` is the sum in milliseconds."""

    buckets: Mapping[int, int] = field(default_factory=dict)
    total: float = 0.0

    @property
    def count(self) -> int:
        return sum(self.buckets.values())


@dataclass(frozen=True, slots=True)
class ProcessMetrics:
    """One process of an app. `quota` in bytes; `requests` since it joined the front door, `recent` the last minute."""

    id: UUID
    name: str
    type: str
    state: str
    size: str
    usage: Usage
    quota: int
    restarts: int
    requests: Requests
    recent: Latency


@dataclass(frozen=True, slots=True)
class AppMetrics:
    """`latency` counts since the server started, `recent` the last minute. `restarts` includes processes now gone."""

    app_id: UUID
    app: str
    requests: Requests
    latency: Latency
    recent: Latency
    restarts: int
    processes: tuple[ProcessMetrics, ...] = ()


@dataclass(frozen=True, slots=True)
class PlatformMetrics:
    """A process of the platform itself."""

    name: str
    role: str
    pid: int
    usage: Usage
