"""Dynos: the processes of an app as they are now; one-offs are created here, and any of them restarted or stopped."""

from collections.abc import Mapping
from typing import Any

from twelve.core.errors import NotFound, UsageError
from twelve.core.model import Process, Rollout
from twelve.core.policy.numbers import ONE_OFFS
from twelve.core.policy.rollout import NAMES, SHADOW, place_of
from twelve.faces.api import bodies
from twelve.faces.api.attach import waiting
from twelve.faces.api.references import time
from twelve.faces.api.routes import Call, Routes
from twelve.flow import restart, run_once
from twelve.flow.keep import WEB

TERMINAL = (80, 24)

routes = Routes()


def show(process: Process, attach_url: str | None = None, variant: str | None = None) -> dict[str, Any]:
    return {
        "id": str(process.id),
        "name": process.name,
        "app": {"id": str(process.app_id), "name": process.app},
        "attach_url": attach_url,
        "command": process.command,
        "created_at": time(process.created_at),
        "exit_status": process.exit_status,
        "pid": process.pid,
        "release": {"id": str(process.release_id), "version": process.release_version},
        "size": process.size,
        "state": process.state.value,
        "type": process.type,
        "updated_at": time(process.updated_at),
        "variant": variant,
    }


@routes.get("/apps/{app}/dynos")
def index(call: Call) -> Any:
    return call.page(_all(call))


@routes.get("/apps/{app}/dynos/{dyno}")
def info(call: Call) -> Any:
    ref = call.path["dyno"]
    for dyno in _all(call):
        if ref in {dyno["name"], dyno["id"]}:
            return dyno
    raise NotFound(f"Couldn't find that dyno ({ref}).", resource="dyno")


@routes.post("/apps/{app}/dynos")
def create(call: Call) -> Any:
    app, command = call.app(), bodies.text(call.body, "command")
    values = bodies.variables(bodies.mapping(call.body, "env"))
    env = {key: value for key, value in values.items() if value is not None}
    size = bodies.optional_text(call.body, "size")
    if not bodies.flag(call.body, "attach"):
        return show(run_once.detached(call.platform, app, command, env, size, call.user))
    terminal = None if bodies.flag(call.body, "force_no_tty") else _terminal(env)
    attached = run_once.attached(call.platform, app, command, env, size, terminal, call.user)
    return show(attached.process, call.url(f"/_attach/{waiting.leave(attached)}", scheme="ws"))


@routes.delete("/apps/{app}/dynos", 202)
def restart_all(call: Call) -> Any:
    restart.restart(call.platform, call.app(), None, call.user)
    return {}


@routes.delete("/apps/{app}/dynos/{dyno}", 202)
@routes.delete("/apps/{app}/formations/{dyno}", 202)
def restart_one(call: Call) -> Any:
    restart.restart(call.platform, call.app(), call.path["dyno"], call.user)
    return {}


@routes.post("/apps/{app}/dynos/{dyno}/actions/stop", 202)
@routes.post("/apps/{app}/formations/{dyno}/actions/stop", 202)
def stop(call: Call) -> Any:
    restart.stop(call.platform, call.app(), call.path["dyno"], call.user)
    return {}


def _all(call: Call) -> list[dict[str, Any]]:
    app = call.app()
    processes, rollout = call.platform.engine.processes(app.id), call.platform.rollouts.running(app.id)
    return [
        show(process, variant=_variant(process, rollout))
        for process in sorted(processes, key=lambda process: (process.type, process.number))
    ]


def _variant(process: Process, rollout: Rollout | None) -> str | None:
    """Which one of a rollout it serves; None while there is none, and for what takes no part."""
    place = place_of(process.number)
    if place == SHADOW:
        return "shadow"
    shared = rollout is not None and process.type == WEB and process.number not in ONE_OFFS
    return NAMES[place] if place or shared else None


def _terminal(env: Mapping[str, str]) -> tuple[int, int]:
    sides = tuple(env.get(key) or default for key, default in zip(("COLUMNS", "LINES"), TERMINAL, strict=True))
    if not all(str(side).isdecimal() and 0 < int(side) < 65536 for side in sides):
        raise UsageError("COLUMNS and LINES must be whole numbers.")
    return int(sides[0]), int(sides[1])
