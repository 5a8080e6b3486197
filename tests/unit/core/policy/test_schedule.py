"""When schedules are due, over clock changes too; what is missed; what overlaps."""

import json
import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from twelve.core.errors import UsageError
from twelve.core.formats import crontab
from twelve.core.model import RunState, ScheduleRun, ScheduleWish
from twelve.core.policy import schedule
from twelve.core.policy.schedule import CatchUp, Overlap

VECTORS = """
[{"schedule":"*/15 * * * *","tz":"UTC","after":"2027-01-01T00:07:30Z","next":"2027-01-01T00:15:00Z"},{"schedule":"0 3 * * *","tz":"UTC","after":"2027-01-01T03:00:00Z","next":"2027-01-02T03:00:00Z"},
 {"schedule":"30 4 1,15 * 5","tz":"UTC","after":"2027-01-01T04:30:00Z","next":"2027-01-08T04:30:00Z"},{"schedule":"0 0 31 * *","tz":"UTC","after":"2027-01-31T00:00:00Z","next":"2027-03-31T00:00:00Z"},
 {"schedule":"0 0 29 2 *","tz":"UTC","after":"2027-01-01T00:00:00Z","next":"2028-02-29T00:00:00Z"},{"schedule":"0 9-17/4 * * MON-FRI","tz":"UTC","after":"2027-01-01T13:00:00Z","next":"2027-01-01T17:00:00Z"},
 {"schedule":"5 0 * * 7","tz":"UTC","after":"2027-01-01T00:00:00Z","next":"2027-01-03T00:05:00Z"},{"schedule":"@weekly","tz":"UTC","after":"2027-01-01T00:00:00Z","next":"2027-01-03T00:00:00Z"},
 {"schedule":"0 12 * JAN *","tz":"UTC","after":"2027-01-31T12:00:00Z","next":"2028-01-01T12:00:00Z"},{"schedule":"30 2 * * *","tz":"Europe/Berlin","after":"2027-03-28T00:00:00Z","next":"2027-03-28T01:00:00Z"},
 {"schedule":"30 2 * * *","tz":"Europe/Berlin","after":"2027-10-30T23:00:00Z","next":"2027-10-31T00:30:00Z"},{"schedule":"30 2 * * *","tz":"Europe/Berlin","after":"2027-10-31T00:30:00Z","next":"2027-11-01T01:30:00Z"},
 {"schedule":"30 * * * *","tz":"Europe/Berlin","after":"2027-10-31T00:30:00Z","next":"2027-10-31T01:30:00Z"},{"schedule":"0 8 * * *","tz":"Europe/Berlin","after":"2027-03-27T07:00:00Z","next":"2027-03-28T06:00:00Z"}]
"""


def at(text):
    return datetime.fromisoformat(text)


def following(text, tz, after):
    return schedule.next_due(crontab.parse(text), schedule.zone(tz), at(after))


@pytest.mark.parametrize("case", json.loads(VECTORS), ids=lambda case: f"{case['schedule']} {case['tz']}")
def test_the_published_vectors(case):
    assert following(case["schedule"], case["tz"], case["after"]) == at(case["next"])


@pytest.mark.parametrize(
    ("text", "tz", "after", "due"),
    [
        # several local times in one gap are one slot; the next day is ordinary again
        ("0,30 2 * * *", "Europe/Berlin", "2027-03-28T01:00:00Z", "2027-03-29T00:00:00Z"),
        # one that steps through the gap goes on at its end
        ("*/30 * * * *", "Europe/Berlin", "2027-03-28T00:30:00Z", "2027-03-28T01:00:00Z"),
        # a repeated hour, named: once
        ("0,30 2 * * *", "Europe/Berlin", "2027-10-31T00:30:00Z", "2027-11-01T01:00:00Z"),
        # a repeated hour, minute with a star: both times
        ("*/30 2 * * *", "Europe/Berlin", "2027-10-31T00:30:00Z", "2027-10-31T01:00:00Z"),
        # the western hemisphere: gap at 2:00, fold at 1:00 in the afternoon of UTC
        ("30 2 * * *", "America/New_York", "2027-03-14T05:00:00Z", "2027-03-14T07:00:00Z"),
        ("30 1 * * *", "America/New_York", "2027-11-07T05:30:00Z", "2027-11-08T06:30:00Z"),
        # half an hour of change only
        ("15 2 * * *", "Australia/Lord_Howe", "2027-10-02T14:00:00Z", "2027-10-02T15:30:00Z"),
        # a day that never was: it ended before it began
        ("0 12 30 12 *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-30T10:00:00Z"),
        # a clock set back over midnight: 23:30 comes again after 0:00 of the next day has been seen
        ("30 23 * * *", "America/St_Johns", "2007-11-04T01:00:00Z", "2007-11-04T02:00:00Z"),
        # a date or a weekday; with a star both
        ("0 0 1 * MON", "UTC", "2027-01-01T00:00:00Z", "2027-01-04T00:00:00Z"),
        ("0 0 */2 * MON", "UTC", "2027-01-04T00:00:00Z", "2027-01-11T00:00:00Z"),
        # from a century's end over a year without a 29 February
        ("0 0 29 2 *", "UTC", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"),
    ],
)
def test_clock_changes_and_calendars(text, tz, after, due):
    assert following(text, tz, after) == at(due)


@pytest.mark.parametrize("tz", ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca"])
@pytest.mark.parametrize("text", ["*/20 * * * *", "7 */3 * * *", "30 0,1,2,3,23 * * *", "0 0 * * SUN", "59 23 31 12 *"])
def test_it_agrees_with_looking_at_every_minute_of_the_clock(text, tz):
    """Twice a year, over the week of a change: the slots are what a clock on the wall would show."""
    when, where = crontab.parse(text), ZoneInfo(tz)
    for start in (at("2005-03-24T00:00:00Z"), at("2005-10-25T00:00:00Z"), at("2006-03-30T00:00:00Z")):
        end = start + timedelta(days=9)
        found, moment = [], start
        while (moment := schedule.next_due(when, where, moment)) is not None and moment <= end:
            found.append(moment)
        assert found == walked(when, where, start, end)


def walked(when, where, start, end):
    """Minute by minute: a local time seen for the first time is a slot; one jumped over is a slot where the jump lands."""
    found, seen = [], set()
    moment = start - timedelta(days=1)
    before = moment.astimezone(where).replace(tzinfo=None) - timedelta(minutes=1)
    while moment <= end:
        local = moment.astimezone(where).replace(tzinfo=None)
        jumped = [before + timedelta(minutes=n) for n in range(1, int((local - before).total_seconds() // 60))]
        due = any(matches(when, one) for one in jumped) or (
            matches(when, local) and (local not in seen or when.repeats)
        )
        if due and moment > start:
            found.append(moment)
        seen |= {local, *jumped}
        before, moment = local, moment + timedelta(minutes=1)
    return found


def matches(when, local):
    return when.on(local.date()) and local.hour in when.hours and local.minute in when.minutes


def test_the_next_slot_is_always_later_and_on_the_minute():
    dice = random.Random(12)
    zones = [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia")]
    for _ in range(300):
        fields = [
            str(dice.randrange(60)),
            dice.choice(["*", "2", "*/5", "0,23"]),
            dice.choice(["*", "31", "1-7"]),
            "*",
            "*",
        ]
        after = datetime(2011, 1, 1, tzinfo=UTC) + timedelta(seconds=dice.randrange(20 * 366 * 86400))
        due = schedule.next_due(crontab.parse(" ".join(fields)), dice.choice(zones), after)
        assert due > after
        assert (due.second, due.microsecond) == (0, 0)


NOW = at("2027-01-01T12:00:30Z")


def due_since(text, since, until=NOW):
    return schedule.due_between(crontab.parse(text), UTC, at(since), until)


def test_slots_since_a_moment():
    assert due_since("*/30 * * * *", "2027-01-01T11:00:00Z") == [at("2027-01-01T11:30:00Z"), at("2027-01-01T12:00:00Z")]
    assert due_since("*/30 * * * *", "2027-01-01T12:00:00Z") == []


def test_after_years_of_downtime_only_the_newest_slots_are_looked_at():
    found = due_since("* * * * *", "2017-01-01T00:00:00Z")
    assert schedule.KEPT <= len(found) <= 1440
    assert found[-1] == at("2027-01-01T12:00:00Z")
    assert len(due_since("0 0 1 1 *", "2017-01-01T00:00:00Z")) == 10


A, B, C = (at(f"2027-01-01T{hour}:00:00Z") for hour in (10, 11, 12))


@pytest.mark.parametrize(
    ("due", "deadline", "decision"),
    [
        ([], 300, CatchUp([], None)),
        ([C], 300, CatchUp([], C)),  # the ordinary case
        ([A, B, C], 300, CatchUp([A, B], C)),  # down for hours: the latest runs, no other
        ([A, B], 300, CatchUp([A, B], None)),  # the latest is too late as well
        ([A, B], 3600, CatchUp([A, B], None)),  # 1 h and 30 s late
        ([A, B], 3630, CatchUp([A], B)),  # just in time
        ([C], 30, CatchUp([], C)),
        ([C], 29, CatchUp([C], None)),
    ],
)
def test_what_is_started_and_what_is_missed(due, deadline, decision):
    assert schedule.catch_up(due, NOW, deadline) == decision


def test_a_deadline_of_nothing_still_lets_a_slot_start_when_it_comes():
    assert schedule.catch_up([C], C + timedelta(seconds=5), 0).start == C


def test_no_more_is_put_on_record_than_is_kept():
    due = [C - timedelta(minutes=n) for n in range(100, 0, -1)]
    assert schedule.catch_up(due, NOW, 0).missed == due[-schedule.KEPT :]


RUNNING = [ScheduleRun(uuid4(), uuid4(), A, RunState.RUNNING, A)]


@pytest.mark.parametrize(
    ("policy", "running", "decision"),
    [
        ("forbid", [], Overlap.START),
        ("allow", [], Overlap.START),
        ("replace", [], Overlap.START),
        ("forbid", RUNNING, Overlap.SKIP),
        ("allow", RUNNING, Overlap.START),
        ("replace", RUNNING, Overlap.REPLACE),
    ],
)
def test_runs_that_overlap(policy, running, decision):
    assert schedule.overlap(policy, running) == decision


def test_the_lines_of_the_log():
    due = at("2027-01-01T04:00:00+01:00")
    assert (
        schedule.skipped_line("CMD", due, "scheduler.4821 is still running")
        == "Skipped `CMD` due 2027-01-01T03:00:00Z: scheduler.4821 is still running"
    )
    assert schedule.missed_line("CMD", due) == "Missed `CMD` due 2027-01-01T03:00:00Z: started too late"


FINE = {"command": "x", "schedule": "@daily", "name": "purge"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schedule": "@reboot"}, "no schedule"),
        ({"timezone": "Europe/Atlantis"}, "no time zone"),
        ({"timezone": "../../etc/passwd"}, "no time zone"),
        ({"timezone": "Europe"}, "no time zone"),
        ({"timezone": ""}, "no time zone"),
        ({"policy": "maybe"}, "policy"),
        ({"name": "a b"}, "no name"),
        ({"name": ""}, "no name"),
        ({"command": "a\nb"}, "one line"),
        ({"command": " "}, "one line"),
        ({"start_deadline": -1}, "seconds"),
        ({"ttl": 0}, "seconds"),
        ({"ttl": 86401}, "seconds"),
    ],
)
def test_a_wish_that_cannot_be_met(change, complaint):
    schedule.check(ScheduleWish(**FINE))
    with pytest.raises(UsageError, match=complaint):
        schedule.check(ScheduleWish(**(FINE | change)))
