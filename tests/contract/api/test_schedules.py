"""Schedules over the API; and the clock behind them, wound by hand, on a real database."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.live import wait_for
from twelve.core.model import AppManifest, ScheduleWish
from twelve.core.policy.schedule import KEPT
from twelve.flow import schedule as flow
from twelve.flow.scheduler import Scheduler

pytestmark = pytest.mark.integration

PURGE = {"schedule": "*/10 * * * *", "command": "python purge.py", "name": "purge"}


def test_a_schedule_is_added_shown_paused_resumed_and_removed(api, app):
    assert api.get(f"/apps/{app}/schedules") == []
    made = api.post(f"/apps/{app}/schedules", PURGE | {"timezone": "Europe/Berlin", "start_deadline": "60"})
    assert made["concurrency_policy"] == "forbid"
    assert (made["timezone"], made["start_deadline"], made["ttl"]) == ("Europe/Berlin", 60, 86400)
    assert (made["source"], made["suspended"], made["app"]["name"]) == ("api", False, app)
    assert datetime.fromisoformat(made["next_due"]) > datetime.now(UTC)
    for ref in ("purge", made["id"]):
        assert api.get(f"/apps/{app}/schedules/{ref}")["id"] == made["id"]
    paused = api.post(f"/apps/{app}/schedules/purge/actions/pause", status=200)
    assert (paused["suspended"], paused["next_due"]) == (True, None)
    assert api.post(f"/apps/{app}/schedules/purge/actions/resume", status=200)["suspended"] is False
    assert api.delete(f"/apps/{app}/schedules/purge")["id"] == made["id"]
    assert api.get(f"/apps/{app}/schedules") == []
    assert api.get(f"/apps/{app}/schedules/purge", 404)["resource"] == "schedule"


def test_a_schedule_without_a_name_gets_one_and_names_are_unique(api, app):
    body = {"schedule": "@daily", "command": "x"}
    name = api.post(f"/apps/{app}/schedules", body)["name"]
    assert len(name) == 8
    assert api.post(f"/apps/{app}/schedules", body, 409)["id"] == "conflict"
    assert [one["name"] for one in api.get(f"/apps/{app}/schedules")] == [name]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schedule": "* * * *"}, "five"),
        ({"schedule": ""}, '"schedule" is missing'),
        ({"command": None}, '"command" is missing'),
        ({"timezone": "Mars/Olympus"}, "no time zone"),
        ({"concurrency_policy": "maybe"}, "forbid, allow, replace"),
        ({"ttl": 0}, "seconds"),
        ({"start_deadline": "soon"}, "whole number"),
        ({"name": "a/b"}, "no name"),
    ],
)
def test_a_bad_schedule_is_refused(api, app, change, complaint):
    answer = api.post(f"/apps/{app}/schedules", PURGE | change, 422)
    assert complaint in answer["message"]
    assert answer["exit_code"] == 2


def test_run_now_and_how_it_ends(api, deployed, scheduler):
    api.post(f"/apps/{deployed}/schedules", PURGE | {"command": "worker"})
    run = api.post(f"/apps/{deployed}/schedules/purge/runs")
    assert (run["state"], run["release"], run["exit_status"]) == ("running", {"version": 1}, None)
    assert 1000 <= int(run["dyno"].removeprefix("scheduler.")) <= 9999
    [dyno] = [one for one in api.get(f"/apps/{deployed}/dynos") if one["type"] == "scheduler"]
    assert (dyno["id"], dyno["name"], dyno["command"]) == (run["id"], run["dyno"], "work")
    second = api.post(f"/apps/{deployed}/schedules/purge/runs")
    assert (second["state"], second["reason"]) == ("skipped", f"{run['dyno']} is still running")
    api.platform.engine.end(process_id(run), 7)
    scheduler.settle()
    newest, first = api.get(f"/apps/{deployed}/schedules/purge/runs")
    assert (newest["id"], newest["started_at"]) == (second["id"], None)
    assert (first["state"], first["exit_status"]) == ("ended", 7)
    assert first["ended_at"] >= first["started_at"]


def test_nothing_runs_before_the_first_release_nor_while_the_app_is_stopped(api, app):
    api.post(f"/apps/{app}/schedules", PURGE)
    assert api.post(f"/apps/{app}/schedules/purge/runs", status=422)["exit_code"] == 60
    api.deploy(app)
    api.post(f"/apps/{app}/actions/stop", status=202)
    assert "is stopped" in api.post(f"/apps/{app}/schedules/purge/runs", status=422)["message"]
    assert api.get(f"/apps/{app}/schedules/purge/runs") == []


def process_id(run):
    from uuid import UUID

    return UUID(run["id"])


class Clock:
    """Wound by hand; starts in the year 2300, so that what the API makes today is long done."""

    def __init__(self):
        self.now = datetime(2300, 1, 1, 12, 0, 30, tzinfo=UTC)

    def __call__(self):
        return self.now

    def wind(self, **much):
        self.now += timedelta(**much)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def scheduler(platform, clock):
    return Scheduler(platform, clock)


@pytest.fixture
def every_ten(api, platform, deployed, clock):
    """Makes a schedule of a serving app whose slots before the clock's hour are done."""

    def make(**wish):
        app = platform.apps.get(deployed)
        made = flow.add(
            platform,
            app,
            ScheduleWish(**({"command": "purge", "schedule": "*/10 * * * *", "name": "purge"} | wish)),
            "me",
        )
        platform.schedules.see(made, clock.now)
        return made

    return make


@pytest.fixture(autouse=True)
def none_left(platform):
    """The clock below looks at every schedule there is."""
    yield
    for schedule in platform.schedules.list():
        platform.engine.stop(run.id for run in platform.schedules.under_way(schedule.id))
        platform.schedules.delete(schedule.id)


def runs(platform, schedule):
    """Oldest first: (minute, state)."""
    return [(run.due.strftime("%H:%M"), run.state.value) for run in reversed(platform.schedules.runs(schedule.id))]


def settled(platform, schedule):
    def done():
        return all(run.state.value != "starting" for run in platform.schedules.runs(schedule.id))

    wait_for(done, "the starts")
    return runs(platform, schedule)


def lines(platform, app):
    from twelve.core.model import LogFilter

    return [line.text for line in platform.logs.history(app, 100, LogFilter()) if line.process == "scheduler"]


def test_a_slot_starts_once_when_it_comes(platform, scheduler, clock, every_ten):
    made = every_ten()
    assert scheduler.tick() == clock.now.replace(minute=10, second=0)
    assert runs(platform, made) == []
    clock.wind(minutes=10)
    scheduler.tick()
    scheduler.tick()
    assert settled(platform, made) == [("12:10", "running")]
    [run] = platform.schedules.runs(made.id)
    assert [spec.command for spec in platform.engine.started if spec.id == run.id] == ["purge"]


def test_after_downtime_only_the_latest_slot_runs(platform, scheduler, clock, every_ten, deployed):
    made = every_ten(start_deadline=120)
    clock.wind(minutes=31)  # 12:31:30
    scheduler.tick()
    assert settled(platform, made) == [("12:10", "missed"), ("12:20", "missed"), ("12:30", "running")]
    assert lines(platform, deployed)[:2] == [
        "Missed `purge` due 2300-01-01T12:10:00Z: started too late",
        "Missed `purge` due 2300-01-01T12:20:00Z: started too late",
    ]


def test_too_late_for_the_latest_slot_too(platform, scheduler, clock, every_ten):
    made = every_ten(start_deadline=60)
    clock.wind(minutes=31)
    scheduler.tick()
    scheduler.tick()
    assert runs(platform, made) == [("12:10", "missed"), ("12:20", "missed"), ("12:30", "missed")]


def test_forbid_skips_allow_runs_both_and_replace_ends_the_earlier(platform, scheduler, clock, every_ten, deployed):
    made = {policy: every_ten(name=policy, policy=policy) for policy in ("forbid", "allow", "replace")}
    for _ in range(2):
        clock.wind(minutes=10)
        scheduler.tick()
        for schedule in made.values():
            settled(platform, schedule)
    scheduler.settle()
    assert runs(platform, made["forbid"]) == [("12:10", "running"), ("12:20", "skipped")]
    assert runs(platform, made["allow"]) == [("12:10", "running"), ("12:20", "running")]
    assert runs(platform, made["replace"]) == [("12:10", "ended"), ("12:20", "running")]
    assert platform.schedules.runs(made["replace"].id)[1].exit_status == 143
    [skipped] = [line for line in lines(platform, deployed) if line.startswith("Skipped")]
    first = platform.schedules.runs(made["forbid"].id)[1]
    assert skipped == f"Skipped `purge` due 2300-01-01T12:20:00Z: {first.dyno} is still running"


def test_a_run_that_takes_too_long_is_ended(platform, scheduler, clock, every_ten):
    made = every_ten(schedule="10 12 * * *", ttl=60)
    clock.wind(minutes=10)
    scheduler.tick()
    assert settled(platform, made) == [("12:10", "running")]
    [run] = platform.schedules.runs(made.id)
    clock.wind(seconds=59)
    scheduler.tick()
    assert platform.schedules.runs(made.id)[0].state == "running"
    clock.wind(seconds=2)
    scheduler.tick()
    wait_for(lambda: run.id not in {one.id for one in platform.engine.processes()}, "its end")
    scheduler.settle()
    assert platform.schedules.runs(made.id)[0].exit_status == 143


def test_a_run_whose_end_left_no_trace_does_not_forbid_others_for_ever(platform, scheduler, clock, every_ten):
    made = every_ten(schedule="0 13 * * *")
    flow.claim(
        platform, platform.apps.get(made.app_id), made, clock.now, clock.now, slot=False
    )  # and then its server died
    clock.wind(seconds=300)
    scheduler.tick()
    assert runs(platform, made) == [("12:00", "starting")]
    clock.wind(seconds=120)
    scheduler.tick()
    assert runs(platform, made) == [("12:00", "lost")]


def test_a_paused_schedule_and_a_stopped_app_owe_nothing(api, platform, scheduler, clock, every_ten, deployed):
    made = every_ten()
    app = platform.apps.get(deployed)
    flow.suspend(platform, app, made, True, "me")
    clock.wind(minutes=30)
    assert scheduler.tick() is None
    flow.suspend(platform, app, platform.schedules.get(app.id, "purge"), False, "me")
    platform.schedules.see(made, clock.now)
    api.post(f"/apps/{deployed}/actions/stop", status=202)
    clock.wind(minutes=30)
    scheduler.tick()
    api.post(f"/apps/{deployed}/actions/start", status=202)
    scheduler.tick()
    assert runs(platform, made) == []


def test_only_the_last_runs_are_kept(platform, scheduler, clock, every_ten):
    made = every_ten(policy="replace")
    for _ in range(KEPT + 5):
        clock.wind(minutes=10)
        scheduler.tick()
        settled(platform, made)
        scheduler.settle()
    assert KEPT <= len(runs(platform, made)) <= KEPT + 1  # the newest, and the one that was being replaced


def test_two_schedulers_on_one_database_start_each_slot_once(platform, clock, every_ten):
    made = every_ten(policy="allow")
    pair = [Scheduler(platform, clock), Scheduler(platform, clock)]
    before = len(platform.engine.started)
    for _ in range(15):
        clock.wind(minutes=10)
        together = threading.Barrier(len(pair))

        def tick(scheduler, together=together):
            together.wait()
            scheduler.tick()

        threads = [threading.Thread(target=tick, args=[scheduler]) for scheduler in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = settled(platform, made)
    assert len(found) == len({due for due, _ in found}) == 15
    wait_for(lambda: len(platform.engine.started) - before == 15, "one process a slot")


def cron(*entries):
    return tuple({"command": command, "schedule": when, "name": name, **more} for command, when, name, more in entries)


def test_the_schedules_of_app_json_come_and_go_with_releases(platform, deployed):
    from dataclasses import replace

    app = platform.apps.get(deployed)
    slug = platform.slugs.get(platform.releases.current(app).slug_id)

    def install(*entries):
        flow.install(platform, app, replace(slug, manifest=AppManifest(cron=cron(*entries))))
        return {one.name: one for one in platform.schedules.list(app.id)}

    flow.add(platform, app, ScheduleWish("x", "@daily", "mine"), "me")
    have = install(
        ("a", "@daily", "one", {}), ("b", "@hourly", "two", {"concurrency_policy": "allow", "suspend": True})
    )
    assert set(have) == {"mine", "one", "two"}
    assert (have["two"].wish.policy, have["two"].wish.suspended) == ("allow", True)
    flow.suspend(platform, app, have["one"], True, "me")
    again = install(("a", "@daily", "one", {}), ("b", "@hourly", "two", {"suspend": False}))
    assert again["one"].wish.suspended, "what a person paused stays paused while its entry does not change"
    assert not again["two"].wish.suspended
    assert again["one"].id == have["one"].id
    assert set(install()) == {"mine"}


def test_what_app_json_declares_is_not_removed_by_hand(api, platform, deployed):
    app = platform.apps.get(deployed)
    platform.schedules.create(app.id, ScheduleWish("x", "@daily", "declared"), {"command": "x", "schedule": "@daily"})
    assert api.get(f"/apps/{deployed}/schedules/declared")["source"] == "app.json"
    refused = api.delete(f"/apps/{deployed}/schedules/declared", 409)
    assert "app.json" in refused["message"]
