"""Log drains: where copies of an app's log go. Answers show their URLs without credentials."""

from typing import Any

from twelve.core.formats import drain_url
from twelve.core.model import App, Drain
from twelve.faces.api import bodies, references
from twelve.faces.api.routes import Call, Routes
from twelve.flow import drains

routes = Routes()


def show(app: App, drain: Drain) -> dict[str, Any]:
    return {
        "id": str(drain.id),
        "addon": None,
        "app": references.app_reference(app),
        "created_at": references.time(drain.created_at),
        "token": drain.token,
        "updated_at": references.time(drain.updated_at),
        "url": drain_url.shown(drain.url),
    }


@routes.get("/apps/{app}/log-drains")
def index(call: Call) -> Any:
    app = call.app()
    return call.page([show(app, drain) for drain in call.platform.drains.list(app.id)])


@routes.post("/apps/{app}/log-drains")
def create(call: Call) -> Any:
    app = call.app()
    return show(app, drains.add(call.platform, app, bodies.text(call.body, "url"), call.user))


@routes.get("/apps/{app}/log-drains/{drain:path}")
def info(call: Call) -> Any:
    app = call.app()
    return show(app, drains.get(call.platform, app, call.path["drain"]))


@routes.delete("/apps/{app}/log-drains/{drain:path}")  # some clients put the URL in unencoded
def destroy(call: Call) -> Any:
    app = call.app()
    return show(app, drains.remove(call.platform, app, call.path["drain"], call.user))
