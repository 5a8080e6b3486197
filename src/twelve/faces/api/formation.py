"""Formation: how many processes of each type, and how large."""

from collections.abc import Mapping
from typing import Any

from twelve.core.errors import NotFound, UsageError
from twelve.core.model import App, Autoscale, FormationEntry, Release
from twelve.faces.api import bodies, references
from twelve.faces.api.routes import Call, Routes
from twelve.flow.scale import ScaleUpdate, scale

routes = Routes()


def show(app: App, entry: FormationEntry, release: Release | None) -> dict[str, Any]:
    return {
        "id": references.made_id("formation", app.id, entry.type),
        "app": references.app_reference(app),
        "type": entry.type,
        "quantity": entry.quantity,
        "size": entry.size,
        "autoscale": show_autoscale(entry.autoscale),
        "dyno_size": references.named("dyno-size", entry.size),
        "command": release.process_types.get(entry.type, "") if release else "",
        "created_at": references.time(app.created_at),
        "updated_at": references.time(release.updated_at if release else app.updated_at),
    }


def show_autoscale(wish: Autoscale | None) -> dict[str, int | None] | None:
    """The range in twelve's own words: the Platform API has none for it."""
    if wish is None:
        return None
    return {"min": wish.minimum, "max": wish.maximum, "p95_ms": wish.p95, "queue": wish.queue}


@routes.get("/apps/{app}/formation")
def index(call: Call) -> Any:
    return call.page(_shown(call, call.app()))


@routes.get("/apps/{app}/formation/{type}")
def info(call: Call) -> Any:
    ref = call.path["type"]
    for entry in _shown(call, call.app()):
        if ref in {entry["type"], entry["id"]}:
            return entry
    raise NotFound(f"Couldn't find that process type ({ref}).", resource="formation")


@routes.patch("/apps/{app}/formation")
def batch_update(call: Call) -> Any:
    updates = call.body.get("updates")
    if not isinstance(updates, list) or not all(isinstance(update, dict) and update.get("type") for update in updates):
        raise UsageError('"updates" must be a list of objects, each with a "type".')
    return _changed(call, [_update(str(update["type"]), update) for update in updates])


@routes.patch("/apps/{app}/formation/{type}")
def update(call: Call) -> Any:
    return _changed(call, [_update(info(call)["type"], call.body)])[0]


def _update(kind: str, body: Mapping[str, Any]) -> ScaleUpdate:
    quantity = body.get("quantity")
    if isinstance(quantity, bool) or not isinstance(quantity, str | int | None):
        raise UsageError('"quantity" must be a number, "+N" or "-N".')
    size = references.optional_reference(body, "size") or references.optional_reference(body, "dyno_size")
    return ScaleUpdate(
        type=kind,
        quantity=quantity,
        size=size.lower() if size else None,
        autoscale=_autoscale(body),
        manual="autoscale" in body and body["autoscale"] is None,
    )


def _autoscale(body: Mapping[str, Any]) -> Autoscale | None:
    wish = bodies.mapping(body, "autoscale")
    if not wish:
        return None
    minimum, maximum, p95, queue = (_whole(wish, key) for key in ("min", "max", "p95_ms", "queue"))
    if minimum is None or maximum is None:
        raise UsageError('"autoscale" needs "min", "max" and a target: "p95_ms" or "queue".')
    return Autoscale(minimum, maximum, p95, queue)


def _whole(wish: Mapping[str, Any], key: str) -> int | None:
    value = wish.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise UsageError(f'"{key}" must be a whole number.')
    return value


def _changed(call: Call, updates: list[ScaleUpdate]) -> list[dict[str, Any]]:
    app = call.app()
    entries = scale(call.platform, app, updates, call.user)
    release = call.platform.releases.current(call.app())
    return [show(app, entry, release) for entry in entries]


def _shown(call: Call, app: App) -> list[dict[str, Any]]:
    release = call.platform.releases.current(app)
    return [show(app, entry, release) for entry in call.platform.formations.list(app.id)]
