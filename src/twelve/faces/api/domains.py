"""Domains: the host names that lead to an app; the first one comes with it."""

from typing import Any

from twelve.core.errors import NotFound, UsageError
from twelve.core.model import App, Domain
from twelve.faces.api import bodies, references
from twelve.faces.api.routes import Call, Routes
from twelve.flow import apps, specs

routes = Routes()


def show(app: App, domain: Domain) -> dict[str, Any]:
    made = references.time(domain.created_at)
    return _document(app, str(domain.id), domain.hostname, made) | {"kind": "custom", "cname": specs.host(app)}


def built_in(app: App) -> dict[str, Any]:
    made = references.time(app.created_at)
    return _document(app, references.made_id("domain", app.id), specs.host(app), made) | {
        "kind": "heroku",
        "cname": None,
    }


def _document(app: App, domain_id: str, hostname: str, made: str) -> dict[str, Any]:
    return {
        "id": domain_id,
        "hostname": hostname,
        "app": references.app_reference(app),
        "acm_status": None,
        "acm_status_reason": None,
        "created_at": made,
        "updated_at": made,
        "sni_endpoint": None,
        "status": "none",
    }


@routes.get("/apps/{app}/domains")
def index(call: Call) -> Any:
    return call.page(_all(call, call.app()))


@routes.get("/apps/{app}/domains/{domain}")
def info(call: Call) -> Any:
    ref = call.path["domain"]
    for domain in _all(call, call.app()):
        if ref in {domain["hostname"], domain["id"]}:
            return domain
    raise NotFound(f'This app has no domain "{ref}".', resource="domain")


@routes.post("/apps/{app}/domains")
def create(call: Call) -> Any:
    app = call.app()
    if call.body.get("sni_endpoint") is not None:
        raise UsageError("Certificates are not served here yet.", hint='Leave "sni_endpoint" null.')
    return show(app, apps.add_domain(call.platform, app, bodies.text(call.body, "hostname"), call.user))


@routes.delete("/apps/{app}/domains/{domain}")
def destroy(call: Call) -> Any:
    app = call.app()
    if info(call)["kind"] == "heroku":
        raise UsageError(f"{specs.host(app)} belongs to {app.name} as long as it exists.")
    return show(app, apps.remove_domain(call.platform, app, call.path["domain"], call.user))


def _all(call: Call, app: App) -> list[dict[str, Any]]:
    return [built_in(app), *(show(app, domain) for domain in call.platform.apps.domains(app.id))]
