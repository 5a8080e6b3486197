"""When an app's scheduled processes run, and how each run went."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

OVERLAPS = ("forbid", "allow", "replace")


@dataclass(frozen=True, slots=True)
class ScheduleWish:
    """What somebody wants run, and when. `command` is a shell line or the name of a process type; times in seconds.

    `retrain`: it trains, and what follows a training follows; `command` is the process type that does so.
    `policy` says what happens while an earlier run still goes on, `start_deadline` how late a run may start, `ttl` how
    long it may take.
    """

    command: str
    schedule: str
    name: str
    timezone: str = "UTC"
    policy: str = "forbid"
    start_deadline: int = 300
    ttl: int = 86400
    suspended: bool = False
    retrain: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """`declared` is the entry of app.json it comes from, None when a person added it. Slots up to `seen` are done."""

    id: UUID
    app_id: UUID
    wish: ScheduleWish
    seen: datetime
    created_at: datetime
    updated_at: datetime
    declared: Mapping[str, object] | None = None

    @property
    def name(self) -> str:
        return self.wish.name


class RunState(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"
    SKIPPED = "skipped"  # an earlier run still went on, or there was nothing to run
    MISSED = "missed"  # nobody was there to start it in time
    FAILED = "failed"  # could not be started
    LOST = "lost"  # its end left no trace: the machine went down


@dataclass(frozen=True, slots=True)
class ScheduleRun:
    """What became of one due time. `id` is that of its process; `dyno` is "scheduler.4821"."""

    id: UUID
    schedule_id: UUID
    due: datetime
    state: RunState
    created_at: datetime
    reason: str = ""
    dyno: str | None = None
    release_version: int | None = None
    exit_status: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


def default_name(schedule: str, command: str) -> str:
    return hashlib.sha256(f"{schedule} {command}".encode()).hexdigest()[:8]


def wish_of(entry: Mapping[str, Any]) -> ScheduleWish:
    """An entry of app.json's cron, with dokku's keys."""
    retrain = entry.get("retrain", False)
    schedule, command = entry["schedule"], entry["command"] if not retrain else entry.get("command", "train")
    return ScheduleWish(
        command=command,
        schedule=schedule,
        name=entry.get("name") or default_name(schedule, command),
        timezone=entry.get("timezone", "UTC"),
        policy=entry.get("concurrency_policy", "forbid"),
        start_deadline=int(entry.get("start_deadline", 300)),
        ttl=int(entry.get("ttl", 86400)),
        suspended=entry.get("suspend", False),
        retrain=retrain,
    )
