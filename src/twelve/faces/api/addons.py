"""Add-ons: backing services of an app, provisioned before the answer."""

from typing import Any

from twelve.core.errors import NotFound, UsageError
from twelve.core.model import App, Resource
from twelve.core.policy.services import provider_of
from twelve.faces.api import addon_services, bodies, references
from twelve.faces.api.addon_services import FREE, plan_name, service_of
from twelve.faces.api.routes import Call, Routes
from twelve.flow import attach, mails

routes = Routes()


def show(call: Call, resource: Resource, state: str = "provisioned") -> dict[str, Any]:
    """Nothing but what the published schema has: clients refuse more."""
    app = references.app_reference(call.platform.apps.get(resource.app_id))
    service = service_of(resource)
    expanded = call.headers.get("accept-expansion", "")
    return {
        "id": str(resource.id),
        "name": resource.name,
        "actions": [],
        "addon_service": addon_services.show(service)
        if "addon_service" in expanded
        else references.named("addon-service", service.name),
        "app": app,
        "billed_price": FREE,
        "billing_entity": {**app, "type": "app"},
        "config_vars": _config_vars(call, resource),
        "created_at": references.time(resource.created_at),
        "plan": addon_services.show_plan(service, plan_name(resource))
        if "plan" in expanded
        else references.named("plan", plan_name(resource)),
        "provider_id": str(resource.id),
        "provision_message": "",
        "state": state,
        "updated_at": references.time(resource.updated_at),
        "web_url": None,
    }


def _config_vars(call: Call, resource: Resource) -> list[str]:
    """What it sets in the app that owns it."""
    provider = call.platform.providers[resource.provider]
    attachments = call.platform.attachments.of_resource(resource.id)
    return sorted({key for made in attachments if made.app_id == resource.app_id for key in provider.keys(made.name)})


@routes.get("/addons")
def everywhere(call: Call) -> Any:
    return call.page([show(call, resource) for resource in call.platform.resources.list()])


@routes.get("/apps/{app}/addons")
def index(call: Call) -> Any:
    return call.page([show(call, resource) for resource in of_app(call, call.app())])


@routes.get("/addons/{addon}")
@routes.get("/apps/{app}/addons/{addon}")
def info(call: Call) -> Any:
    return show(call, _named(call))


@routes.post("/apps/{app}/addons")
def create(call: Call) -> Any:
    """The plan "url" is a service that runs elsewhere; its config is {"key": "DATABASE_URL", "url": ...}."""
    app, plan = call.app(), references.reference(call.body, "plan")
    if plan == attach.URL:
        return _create_by_url(call, app)
    name = bodies.optional_text(bodies.mapping(call.body, "attachment"), "name")
    resource, _ = attach.add(call.platform, app, plan, bodies.optional_text(call.body, "name"), name, call.user)
    return show(call, resource)


def _create_by_url(call: Call, app: App) -> dict[str, Any]:
    config = bodies.mapping(call.body, "config")
    key, url = bodies.text(config, "key"), bodies.text(config, "url")
    made = attach.attach_url(call.platform, app, key, url, call.user, replace=bodies.confirmed(call.body, app))
    return show(call, call.platform.resources.get(made.resource_id))


@routes.patch("/addons/{addon}")
@routes.patch("/apps/{app}/addons/{addon}")
def update(call: Call) -> Any:
    resource = _named(call)
    plan = references.optional_reference(call.body, "plan")
    if call.body.get("name") not in {None, resource.name} or (plan and provider_of(plan) != resource.provider):
        raise UsageError("A service keeps its name and kind.", hint="Add another one and remove this one.")
    return show(call, resource)


@routes.delete("/addons/{addon}")
@routes.delete("/apps/{app}/addons/{addon}")
def destroy(call: Call) -> Any:
    resource = _named(call)
    last = show(call, resource, "deprovisioned")
    attach.remove(call.platform, resource, call.user)
    return last


@routes.get("/addons/{addon}/mails")
@routes.get("/apps/{app}/addons/{addon}/mails")
def caught(call: Call) -> Any:
    """What a mail catcher holds, oldest first; `message` is as it was sent, headers and all."""
    return [
        {
            "id": str(mail.id),
            "created_at": references.time(mail.created_at),
            "from": mail.sender,
            "to": list(mail.recipients),
            "subject": str(mail.message.get("Subject", "")),
            "message": mail.data.decode(errors="replace"),
        }
        for mail in mails.caught(call.platform, _named(call))
    ]


@routes.post("/actions/addons/resolve", 200)
def resolve(call: Call) -> Any:
    ref = references.reference(call.body, "addon")
    app, service = (references.optional_reference(call.body, key) for key in ("app", "addon_service"))
    found = [resource for resource in find(call, ref, app) if service in {None, service_of(resource).name}]
    if not found:
        raise NotFound(
            f"Couldn't find that add-on ({ref}).", resource="add_on", hint="`twelve services list --all` lists them."
        )
    return [show(call, resource) for resource in found]


def find(call: Call, ref: str, app_ref: str | None) -> list[Resource]:
    """By id or name; within an app also by attachment ("app::DATABASE"), service or plan."""
    everything = call.platform.resources.list()
    exact = [resource for resource in everything if ref in {str(resource.id), resource.name}]
    outer, _, inner = ref.rpartition("::")
    app_ref = outer or app_ref
    if exact or app_ref is None:
        return exact
    app = call.platform.apps.get(app_ref)
    attached = {made.resource_id for made in call.platform.attachments.list(app.id) if made.name == inner.upper()}
    return [
        resource
        for resource in of_app(call, app)
        if resource.id in attached or inner in {plan_name(resource), service_of(resource).name, resource.provider}
    ]


def of_app(call: Call, app: App) -> list[Resource]:
    """Its own, and those of other apps that are attached to it."""
    attached = {made.resource_id for made in call.platform.attachments.list(app.id)}
    return [found for found in call.platform.resources.list() if found.app_id == app.id or found.id in attached]


def _named(call: Call) -> Resource:
    ref, app_ref = call.path["addon"], call.path.get("app")
    found = find(call, ref, app_ref)
    if app_ref is not None:
        ids = {resource.id for resource in of_app(call, call.app())}
        found = [resource for resource in found if resource.id in ids]
    if len(found) != 1:
        problem = "is not the name of one add-on but of several" if found else "is not an add-on"
        raise NotFound(f'"{ref}" {problem} here.', resource="add_on")
    return found[0]
