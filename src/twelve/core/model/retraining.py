"""A retraining: a one-off of process type `train`, the candidate it published, and what became of that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class RetrainingState(StrEnum):
    """training ▶ trained ▶ judging ▶ promoting ▶ one of the ends. Whoever starts anew goes on from the last one."""

    TRAINING = "training"
    TRAINED = "trained"  # its process has ended; what it has published is being looked up
    JUDGING = "judging"
    PROMOTING = "promoting"
    PROMOTED = "promoted"  # a release serves the candidate, to everybody or to a first share
    KEPT = "kept"  # passed, and config says that a person promotes it
    UNCHANGED = "unchanged"  # nothing new: data, code and parameters are those of a version there is
    REFUSED = "refused"  # by the gate
    FAILED = "failed"


UNDER_WAY = frozenset({
    RetrainingState.TRAINING, RetrainingState.TRAINED, RetrainingState.JUDGING, RetrainingState.PROMOTING,
})  # fmt: skip
JUDGED = frozenset({RetrainingState.PROMOTED, RetrainingState.KEPT, RetrainingState.REFUSED})


@dataclass(frozen=True, slots=True)
class Retraining:
    """`id` is that of its training process, and of the run of the schedule that began it, if one did.

    `champion` is the version that served while the candidate was judged, `promoted` the release that serves the
    candidate. `checks` are those of the gate. `exit_code` is what a command that waited for it ends with.
    """

    id: UUID
    app_id: UUID
    state: RetrainingState
    user: str
    dyno: str
    release_version: int
    model: str
    created_at: datetime
    updated_at: datetime
    data: str = ""
    accept_drift: bool = False
    exit_status: int | None = None
    candidate: str | None = None
    champion: str | None = None
    promoted: int | None = None
    reason: str = ""
    exit_code: int = 0
    checks: Sequence[Mapping[str, Any]] = ()
    ended_at: datetime | None = None

    @property
    def under_way(self) -> bool:
        return self.state in UNDER_WAY


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """A version in a model store, and which process of which app published it."""

    number: int
    app: str
    process: str
