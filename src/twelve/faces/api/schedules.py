"""Schedules: commands that run by the clock, and how their runs went. An extension in the shape of the others."""

from datetime import UTC, datetime
from typing import Any

from twelve.core.formats import crontab
from twelve.core.model import App, Schedule, ScheduleRun, ScheduleWish
from twelve.core.model.schedule import default_name
from twelve.core.policy.retrain import TRAIN
from twelve.core.policy.schedule import next_due, zone
from twelve.faces.api import bodies, references
from twelve.faces.api.routes import Call, Routes
from twelve.flow import schedule as flow

routes = Routes()


def show(app: App, schedule: Schedule) -> dict[str, Any]:
    wish = schedule.wish
    due = None if wish.suspended else next_due(crontab.parse(wish.schedule), zone(wish.timezone), datetime.now(UTC))
    return {
        "id": str(schedule.id),
        "app": references.app_reference(app),
        "name": wish.name,
        "command": wish.command,
        "retrain": wish.retrain,
        "schedule": wish.schedule,
        "timezone": wish.timezone,
        "concurrency_policy": wish.policy,
        "start_deadline": wish.start_deadline,
        "ttl": wish.ttl,
        "suspended": wish.suspended,
        "source": "api" if schedule.declared is None else "app.json",
        "next_due": _time(due),
        "created_at": references.time(schedule.created_at),
        "updated_at": references.time(schedule.updated_at),
    }


def show_run(run: ScheduleRun) -> dict[str, Any]:
    return {
        "id": str(run.id),
        "schedule": {"id": str(run.schedule_id)},
        "due": references.time(run.due),
        "state": run.state.value,
        "reason": run.reason or None,
        "dyno": run.dyno,
        "release": None if run.release_version is None else {"version": run.release_version},
        "exit_status": run.exit_status,
        "started_at": _time(run.started_at),
        "ended_at": _time(run.ended_at),
        "created_at": references.time(run.created_at),
    }


@routes.get("/apps/{app}/schedules")
def index(call: Call) -> Any:
    app = call.app()
    return call.page([show(app, schedule) for schedule in call.platform.schedules.list(app.id)], default="name")


@routes.post("/apps/{app}/schedules")
def create(call: Call) -> Any:
    app, body = call.app(), call.body
    schedule, retrain = bodies.text(body, "schedule"), bodies.flag(body, "retrain")
    command = (bodies.optional_text(body, "command") or TRAIN) if retrain else bodies.text(body, "command")
    wish = ScheduleWish(
        command=command,
        schedule=schedule,
        name=bodies.optional_text(body, "name") or default_name(schedule, command),
        timezone=bodies.optional_text(body, "timezone") or "UTC",
        policy=bodies.optional_text(body, "concurrency_policy") or "forbid",
        start_deadline=bodies.number(body, "start_deadline", 300),
        ttl=bodies.number(body, "ttl", 86400),
        suspended=bodies.flag(body, "suspended"),
        retrain=retrain,
    )
    return show(app, flow.add(call.platform, app, wish, call.user))


@routes.get("/apps/{app}/schedules/{schedule}")
def info(call: Call) -> Any:
    app = call.app()
    return show(app, _found(call, app))


@routes.delete("/apps/{app}/schedules/{schedule}")
def destroy(call: Call) -> Any:
    app = call.app()
    return show(app, flow.remove(call.platform, app, _found(call, app), call.user))


@routes.post("/apps/{app}/schedules/{schedule}/actions/pause", 200)
def pause(call: Call) -> Any:
    app = call.app()
    return show(app, flow.suspend(call.platform, app, _found(call, app), True, call.user))


@routes.post("/apps/{app}/schedules/{schedule}/actions/resume", 200)
def resume(call: Call) -> Any:
    app = call.app()
    return show(app, flow.suspend(call.platform, app, _found(call, app), False, call.user))


@routes.get("/apps/{app}/schedules/{schedule}/runs")
def runs(call: Call) -> Any:
    """Newest first, the last 20."""
    return [show_run(run) for run in call.platform.schedules.runs(_found(call, call.app()).id)]


@routes.post("/apps/{app}/schedules/{schedule}/runs")
def run(call: Call) -> Any:
    """Now, whatever the clock says."""
    app = call.app()
    return show_run(flow.run_now(call.platform, app, _found(call, app), call.user))


def _found(call: Call, app: App) -> Schedule:
    return call.platform.schedules.get(app.id, call.path["schedule"])


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else references.time(moment)
