"""Config vars: the whole map, changed key by key; the new release serves before the answer."""

from typing import Any

from twelve.faces.api import bodies, releases
from twelve.faces.api.routes import Call, Routes
from twelve.flow import configure

routes = Routes()


@routes.get("/apps/{app}/config-vars")
def index(call: Call) -> Any:
    return dict(configure.effective(call.platform, call.app()))


@routes.patch("/apps/{app}/config-vars")
def update(call: Call) -> Any:
    app = call.app()
    configure.change(call.platform, app, bodies.variables(call.body), call.user)
    return dict(configure.effective(call.platform, app))


@routes.get("/apps/{app}/releases/{release}/config-vars")
def snapshot(call: Call) -> Any:
    return dict(releases.named(call, call.app()).config)
