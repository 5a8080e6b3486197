"""Config vars: the whole map, changed key by key; the new release serves before the answer."""

from typing import Any

from twelve.faces.api import bodies, releases
from twelve.faces.api.routes import Call, Routes
from twelve.flow import configure

routes = Routes()


@routes.get("/apps/{app}/config-vars")
def index(call: Call) -> Any:
    return _shown(call)


@routes.patch("/apps/{app}/config-vars")
def update(call: Call) -> Any:
    configure.change(call.platform, call.app(), bodies.variables(call.body), call.user)
    return _shown(call)


@routes.get("/apps/{app}/releases/{release}/config-vars")
def snapshot(call: Call) -> Any:
    return dict(releases.named(call, call.app()).config)


def _shown(call: Call) -> dict[str, str]:
    """With the digests that the platform has added to what serves now."""
    app = call.app()
    release = call.platform.releases.current(app)
    pins = release.model.config() if release and release.model else {}
    return {**configure.effective(call.platform, app), **pins}
