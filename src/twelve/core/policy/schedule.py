"""When a schedule is due, what becomes of slots that nobody was there for, and of runs that overlap."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from twelve.core.errors import UsageError
from twelve.core.formats import crontab
from twelve.core.formats.crontab import YEARS, Crontab
from twelve.core.model import OVERLAPS, ScheduleRun, ScheduleWish

KEPT = 20  # runs of a schedule that stay on record
LEAST_DEADLINE = timedelta(seconds=10)  # nobody starts a process at the very instant
DAY = 86400
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_HOUR_END = timedelta(minutes=59)


def check(wish: ScheduleWish) -> ScheduleWish:
    """Raises UsageError with the first thing that is wrong."""
    crontab.parse(wish.schedule)
    zone(wish.timezone)
    if not wish.command.strip() or not wish.command.isprintable():
        raise UsageError("The command of a schedule must be one line.")
    if not NAME.fullmatch(wish.name):
        raise UsageError(f'"{wish.name}" is no name for a schedule: letters, digits, "-", "_" and "." are, at most 63.')
    if wish.policy not in OVERLAPS:
        raise UsageError(f'The policy "{wish.policy}" is not one of {", ".join(OVERLAPS)}.')
    if not 0 <= wish.start_deadline <= DAY or not 1 <= wish.ttl <= DAY:
        raise UsageError(f"The deadline and the ttl of a schedule are seconds, at most {DAY}.")
    return wish


def zone(name: str) -> tzinfo:
    """A zone of the IANA database; UTC also where there is none."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f'"{name}" is no time zone: give a name such as Europe/Berlin, or UTC.') from None


def next_due(when: Crontab, where: tzinfo, after: datetime) -> datetime | None:
    """The first due instant strictly after `after`, in UTC; None when there is none for nine years.

    A local time that a clock change leaves out is due at the first instant after the gap. One that comes twice is due
    at its first occurrence, and at both when `when.repeats`.
    """
    best: datetime | None = None
    for hour in _hours(when, after.astimezone(where).replace(tzinfo=None)):
        if best is not None and _first(hour, where) >= best:
            return best
        if max(_instants(hour + _HOUR_END, where, twice=True)) <= after:
            continue
        for minute in when.minutes:
            for instant in _instants(hour.replace(minute=minute), where, twice=when.repeats):
                if instant > after and (best is None or instant < best):
                    best = instant
    return best


def due_between(when: Crontab, where: tzinfo, since: datetime, until: datetime) -> list[datetime]:
    """The slots in (since, until], oldest first; of many, at least the newest KEPT."""
    first = next_due(when, where, since)
    if first is None or first > until:
        return []
    window = timedelta(hours=1)
    while True:
        start = max(since, until - window)
        found = list(_slots(when, where, start, until))
        if start == since or len(found) >= KEPT:
            return found
        window *= 4


@dataclass(frozen=True, slots=True)
class CatchUp:
    """What to do now: `start` this slot, put `missed` on record. Nothing runs twice to catch up."""

    missed: Sequence[datetime]
    start: datetime | None


def catch_up(due: Sequence[datetime], now: datetime, start_deadline: float) -> CatchUp:
    """Only the latest slot is started, and only while it is not too late for it."""
    if due and now - due[-1] <= max(timedelta(seconds=start_deadline), LEAST_DEADLINE):
        return CatchUp(due[:-1][-KEPT:], due[-1])
    return CatchUp(due[-KEPT:], None)


class Overlap(Enum):
    START = "start"
    SKIP = "skip"
    REPLACE = "replace"


def overlap(policy: str, running: Sequence[ScheduleRun]) -> Overlap:
    if not running or policy == "allow":
        return Overlap.START
    return Overlap.REPLACE if policy == "replace" else Overlap.SKIP


def skipped_line(command: str, due: datetime, reason: str) -> str:
    return f"Skipped `{command}` due {_stamp(due)}: {reason}"


def missed_line(command: str, due: datetime) -> str:
    return f"Missed `{command}` due {_stamp(due)}: started too late"


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _slots(when: Crontab, where: tzinfo, since: datetime, until: datetime) -> Iterator[datetime]:
    due = next_due(when, where, since)
    while due is not None and due <= until:
        yield due
        due = next_due(when, where, due)


def _hours(when: Crontab, local: datetime) -> Iterator[datetime]:
    """Local hours that match, from the day before: clock changes move slots by up to a day."""
    first = local.date() - timedelta(days=1)
    for number in range(YEARS * 366 + 2):
        day = first + timedelta(days=number)
        if when.on(day):
            yield from (datetime(day.year, day.month, day.day, hour) for hour in when.hours)  # noqa: DTZ001 - local


def _instants(local: datetime, where: tzinfo, *, twice: bool) -> list[datetime]:
    first = _first(local, where)
    second = local.replace(tzinfo=where, fold=1).astimezone(UTC)
    return [first, second] if twice and second > first else [first]


def _first(local: datetime, where: tzinfo) -> datetime:
    """The first instant at which a local clock has reached that time."""
    instant = local.replace(tzinfo=where).astimezone(UTC)
    if instant.astimezone(where).replace(tzinfo=None) == local:
        return instant
    return _gap_end(local.replace(tzinfo=where, fold=1).astimezone(UTC), instant, where)


def _gap_end(before: datetime, after: datetime, where: tzinfo) -> datetime:
    """The instant between the two at which the offset changes."""
    offset = before.astimezone(where).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(where).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)
