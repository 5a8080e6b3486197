"""A rollout: a weighted split of an app's requests between releases, by unit. It has phases of its own, one a ramp."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

BUCKETS = 10_000  # a unit falls into one of these; a share is a number of them


class RolloutStatus(StrEnum):
    RUNNING = "running"
    PROMOTED = "promoted"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Unit:
    """Where a request says whose it is: "header:x-user-id", "cookie:uid", "query:uid" or "json:$.path".

    `anonymous`: the front door gives a cookie to those who say nothing; else they stay with the control, uncounted.
    """

    source: str
    anonymous: bool = False


@dataclass(frozen=True, slots=True)
class Variant:
    """`ranges` of buckets, both ends included. The first variant of a rollout is the control: the app's current
    release, without ranges, owner of every bucket that nobody else owns. `processes` is None where the weight decides.
    """

    name: str
    release: int
    ranges: tuple[tuple[int, int], ...] = ()
    processes: int | None = None

    @property
    def buckets(self) -> int:
        """Those it owns by its ranges: 0 for the control."""
        return sum(last - first + 1 for first, last in self.ranges)


@dataclass(frozen=True, slots=True)
class Rollout:
    """`slot` is its number at the front door, never given twice. `shadow` is a release that gets copies of requests.

    `settings` are those of the read-out: guardrails, metric, auto_stop. `reason` says why it ended.
    """

    id: UUID
    app_id: UUID
    name: str
    iteration: int
    unit: Unit
    variants: tuple[Variant, ...]
    slot: int
    phase: int
    status: RolloutStatus
    created_at: datetime
    reason: str = ""
    shadow: int | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    ended_at: datetime | None = None

    @property
    def salt(self) -> str:
        """What its units are hashed with: another iteration deals them anew."""
        return f"{self.name}.{self.iteration}"

    @property
    def control(self) -> Variant:
        return self.variants[0]

    @property
    def treatments(self) -> tuple[Variant, ...]:
        return self.variants[1:]

    @property
    def shares(self) -> dict[str, int]:
        """Buckets by variant, the control's included."""
        own = {variant.name: variant.buckets for variant in self.treatments}
        return {self.control.name: BUCKETS - sum(own.values())} | own


@dataclass(frozen=True, slots=True)
class Phase:
    """What was allotted from `created_at` on, until the next phase or the end."""

    number: int
    variants: tuple[Variant, ...]
    user: str
    created_at: datetime
