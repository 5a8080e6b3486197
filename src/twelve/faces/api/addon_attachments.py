"""Add-on attachments: a service under a name in an app's config. Each change is a release of that app."""

from collections.abc import Iterable
from typing import Any

from twelve.core.errors import NotFound, UsageError
from twelve.core.model import Attachment
from twelve.faces.api import addons, bodies, references
from twelve.faces.api.addon_services import plan_name
from twelve.faces.api.routes import Call, Routes
from twelve.flow import attach

routes = Routes()


def show(call: Call, made: Attachment) -> dict[str, Any]:
    resource = call.platform.resources.get(made.resource_id)
    owner = call.platform.apps.get(resource.app_id)
    included = call.headers.get("accept-inclusion", "")
    addon: dict[str, Any] = {"id": str(resource.id), "name": resource.name, "app": references.app_reference(owner)}
    if "addon:plan" in included:
        addon["plan"] = references.named("plan", plan_name(resource))
    shown = {
        "id": str(made.id),
        "addon": addon,
        "app": references.app_reference(call.platform.apps.get(made.app_id)),
        "created_at": references.time(made.created_at),
        "log_input_url": None,
        "name": made.name,
        "namespace": None,
        "updated_at": references.time(made.created_at),
        "web_url": None,
    }
    return shown | ({"config_vars": _keys(call, made)} if "config_vars" in included else {})


def _keys(call: Call, made: Attachment) -> list[str]:
    resource = call.platform.resources.get(made.resource_id)
    return list(call.platform.providers[resource.provider].keys(made.name))


@routes.get("/addon-attachments")
def everywhere(call: Call) -> Any:
    return _page(call, _all(call))


@routes.get("/apps/{app}/addon-attachments")
def of_app(call: Call) -> Any:
    return _page(call, call.platform.attachments.list(call.app().id))


@routes.get("/addons/{addon}/addon-attachments")
def of_addon(call: Call) -> Any:
    resources = addons.find(call, call.path["addon"], None)
    if not resources:
        raise NotFound(f"Couldn't find that add-on ({call.path['addon']}).", resource="add_on")
    return _page(call, call.platform.attachments.of_resource(resources[0].id))


@routes.get("/addon-attachments/{attachment}")
def info(call: Call) -> Any:
    return show(call, _named(call, _all(call)))


@routes.get("/apps/{app}/addon-attachments/{attachment}")
def info_in_app(call: Call) -> Any:
    return show(call, _named(call, call.platform.attachments.list(call.app().id)))


@routes.post("/addon-attachments")
def create(call: Call) -> Any:
    app = call.platform.apps.get(references.reference(call.body, "app"))
    ref = references.reference(call.body, "addon")
    found = addons.find(call, ref, app.name)
    if len(found) != 1:
        raise NotFound(
            f"Couldn't find that add-on ({ref}).", resource="add_on", hint="`twelve services list --all` lists them."
        )
    if call.body.get("namespace") is not None:
        raise UsageError("Services here have no namespaces.", hint='Leave "namespace" out.')
    name = bodies.optional_text(call.body, "name")
    replace = bodies.confirmed(call.body, app)
    return show(call, attach.attach(call.platform, app, found[0], name, call.user, replace=replace))


@routes.delete("/addon-attachments/{attachment}")
def destroy(call: Call) -> Any:
    made = _named(call, _all(call))
    last = show(call, made)
    attach.detach(call.platform, call.platform.apps.get(made.app_id), made, call.user)
    return last


@routes.post("/actions/addon-attachments/resolve", 200)
def resolve(call: Call) -> Any:
    """By id, name, config var or add-on name, in any case."""
    ref = references.reference(call.body, "addon_attachment")
    app_ref = references.optional_reference(call.body, "app")
    candidates = _all(call) if app_ref is None else call.platform.attachments.list(call.platform.apps.get(app_ref).id)
    found = [made for made in candidates if ref.lower() in _names(call, made)]
    if not found:
        raise NotFound(
            f"Couldn't find that add-on attachment ({ref}).",
            resource="add_on attachment",
            hint="`twelve services` lists them.",
        )
    return [show(call, made) for made in found]


def _names(call: Call, made: Attachment) -> set[str]:
    resource = call.platform.resources.get(made.resource_id)
    return {name.lower() for name in (str(made.id), made.name, resource.name, *_keys(call, made))}


def _all(call: Call) -> list[Attachment]:
    return [made for app in call.platform.apps.list() for made in call.platform.attachments.list(app.id)]


def _named(call: Call, candidates: Iterable[Attachment]) -> Attachment:
    ref = call.path["attachment"]
    found = [made for made in candidates if ref in {str(made.id), made.name}]
    if len(found) != 1:
        raise NotFound(
            f"Couldn't find that add-on attachment ({ref}).",
            resource="add_on attachment",
            hint="`twelve services` lists them.",
        )
    return found[0]


def _page(call: Call, attachments: Iterable[Attachment]) -> Any:
    return call.page([show(call, made) for made in attachments])
