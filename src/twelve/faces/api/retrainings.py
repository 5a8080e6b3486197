"""Retrainings: begun here, looked at until they have ended. An extension in the shape of the others."""

from typing import Any

from twelve.core.model import App, Retraining
from twelve.faces.api import bodies, references
from twelve.faces.api.routes import Call, Routes
from twelve.flow import retrain

routes = Routes()


def show(app: App, one: Retraining) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "app": references.app_reference(app),
        "state": one.state.value,
        "dyno": one.dyno,
        "release": {"version": one.release_version},
        "model": one.model,
        "data": one.data or None,
        "candidate": one.candidate,
        "champion": one.champion or None,
        "promoted": None if one.promoted is None else {"version": one.promoted},
        "reason": one.reason or None,
        "checks": [dict(check) for check in one.checks],
        "exit_status": one.exit_status,
        "exit_code": one.exit_code,
        "user": references.user(one.user),
        "created_at": references.time(one.created_at),
        "updated_at": references.time(one.updated_at),
        "ended_at": None if one.ended_at is None else references.time(one.ended_at),
    }


@routes.get("/apps/{app}/retrainings")
def index(call: Call) -> Any:
    """Newest first."""
    app = call.app()
    return [show(app, one) for one in call.platform.retrainings.list(app.id)]


@routes.post("/apps/{app}/retrainings")
def create(call: Call) -> Any:
    """Answers when the training runs."""
    app = call.app()
    accept = bodies.flag(call.body, "accept_drift")
    return show(app, retrain.start(call.platform, app, call.user, accept_drift=accept))


@routes.get("/apps/{app}/retrainings/{retraining}")
def info(call: Call) -> Any:
    app = call.app()
    return show(app, call.platform.retrainings.get(app.id, call.path["retraining"]))
