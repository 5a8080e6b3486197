"""The text of a schedule: five fields or an @word -> Crontab. When that is due: core/policy/schedule.py."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from twelve.core.errors import UsageError

YEARS = 9  # the longest wait for a date: 29 February over a century that has none in its first year takes 8
WORDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_ITEM = re.compile(r"(\*|[0-9A-Za-z]+)(?:-([0-9A-Za-z]+))?(?:/([0-9]{1,4}))?")


class Field(NamedTuple):
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day", 1, 31),
    Field("month", 1, 12, MONTHS),
    Field("weekday", 0, 7, WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Crontab:
    """Sunday is 0. `either`: a day that matches by date or by weekday, instead of by both.

    `repeats`: minute or hour begin with "*", so a local hour that comes twice counts twice.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    repeats: bool

    def on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_date, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_date or by_weekday if self.either else by_date and by_weekday


def parse(text: str) -> Crontab:
    """Raises UsageError with the one thing that is wrong."""
    words = _fields(text)
    minutes, hours, days, months, weekdays = (
        _values(text, field, word) for field, word in zip(FIELDS, words, strict=True)
    )
    found = Crontab(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=days,
        months=months,
        weekdays=frozenset(weekday % 7 for weekday in weekdays),
        either=not words[2].startswith("*") and not words[4].startswith("*"),
        repeats=words[0].startswith("*") or words[1].startswith("*"),
    )
    if not _comes(found):
        raise _wrong(text, f"such a date does not come within {YEARS} years")
    return found


def _fields(text: str) -> list[str]:
    if text.strip().startswith("@"):
        word = text.strip().lower()
        if word not in WORDS:
            raise _wrong(text, f"only {', '.join(WORDS)} are known")
        return WORDS[word].split()
    words = text.split()
    if len(words) != len(FIELDS):
        raise _wrong(text, f"it has {len(words)} fields instead of five: minute, hour, day, month, weekday")
    return words


def _values(text: str, field: Field, word: str) -> frozenset[int]:
    return frozenset(value for item in word.split(",") for value in _item(text, field, item))


def _item(text: str, field: Field, item: str) -> range:
    match = _ITEM.fullmatch(item)
    if match is None or (match[1] == "*" and match[2]):
        raise _wrong(text, f'"{item}" is no {field.name}; there are numbers, *, lists, ranges and steps')
    first, last, step = match.groups()
    if step is not None and int(step) == 0:
        raise _wrong(text, f'the step of "{item}" is 0')
    if first == "*":
        low, high = field.low, field.high
    else:
        low = _number(text, field, first)
        high = _number(text, field, last) if last else (field.high if step else low)
    if field.name == "weekday" and last and high == 0 < low:
        high = 7  # SAT-SUN
    if low > high:
        raise _wrong(text, f'"{item}" ends before it begins')
    return range(low, high + 1, int(step or 1))


def _number(text: str, field: Field, word: str) -> int:
    if word.upper() in field.words:
        return field.words.index(word.upper()) + field.low
    if not word.isdecimal() or not field.low <= int(word) <= field.high:
        names = f" or {field.words[0]}-{field.words[-1]}" if field.words else ""
        raise _wrong(text, f'"{word}" is no {field.name} ({field.low}-{field.high}{names})')
    return int(word)


def _comes(crontab: Crontab) -> bool:
    """Over the 400 years after which the calendar repeats: the answer does not depend on the day of asking."""
    last = 2000
    for year in range(2000, 2401):
        if _in_year(crontab, year):
            last = year
        elif year - last >= YEARS:
            return False
    return True


def _in_year(crontab: Crontab, year: int) -> bool:
    return any(
        crontab.on(date(year, month, day))
        for month in crontab.months
        for day in range(1, monthrange(year, month)[1] + 1)
    )


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(f'"{text}" is no schedule: {why}.')
