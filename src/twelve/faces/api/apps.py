"""Apps: create, list, describe, put into maintenance, stop, start, destroy."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from twelve.core.errors import Conflict, UsageError
from twelve.core.model import App, Release, Slug
from twelve.faces.api import bodies, problems, references
from twelve.faces.api.routes import Call, Routes
from twelve.faces.api.stacks import GENERATION, REGION, STACK, check_stack
from twelve.flow import apps, specs
from twelve.flow.platform import Platform
from twelve.flow.specs import slug_of

routes = Routes()


def show(platform: Platform, app: App) -> dict[str, Any]:
    release = platform.releases.current(app)
    return document(app, f"{specs.url(platform, app)}/", release, slug_of(platform, release))


def document(app: App, web_url: str, release: Release | None, slug: Slug | None) -> dict[str, Any]:
    stack = references.named("stack", STACK)
    return {
        **references.app_reference(app),
        "acm": False,
        "archived_at": None,
        "build_stack": stack,
        "buildpack_provided_description": ", ".join(slug.languages) if slug else None,
        "create_status": "complete",
        "created_at": references.time(app.created_at),
        "generation": GENERATION,
        "git_url": f"{web_url}{app.name}.git",
        "internal_routing": None,
        "maintenance": app.maintenance,
        "organization": None,
        "owner": references.user(app.owner),
        "region": references.named("region", REGION),
        "released_at": references.time(release.created_at) if release else None,
        "repo_size": 0,
        "slug_size": slug.size if slug else 0,
        "space": None,
        "stack": stack,
        "stopped": app.stopped,
        "team": None,
        "updated_at": references.time(app.updated_at),
        "web_url": web_url,
    }


@routes.post("/apps")
def create(call: Call) -> Any:
    check_stack(references.optional_reference(call.body, "stack"))
    try:
        app = apps.create(call.platform, bodies.optional_text(call.body, "name"), call.user)
    except Conflict as error:
        return problems.answer(error, 422)  # clients look for this status when a name is taken
    return show(call.platform, app)


@routes.get("/apps")
def index(call: Call) -> Any:
    return call.page(show_all(call.platform))


def show_all(platform: Platform) -> list[dict[str, Any]]:
    """Three questions to the database, however many apps there are."""
    everything = platform.apps.list()
    current = platform.releases.all_current()
    slugs = platform.slugs.several({release.slug_id for release in current.values() if release.slug_id})
    return [_listed(platform, app, current.get(app.id), slugs) for app in everything]


def _listed(platform: Platform, app: App, release: Release | None, slugs: Mapping[UUID, Slug]) -> dict[str, Any]:
    slug = slugs.get(release.slug_id) if release and release.slug_id else None
    return document(app, f"{specs.url(platform, app)}/", release, slug)


@routes.get("/apps/{app}")
def info(call: Call) -> Any:
    return show(call.platform, call.app())


@routes.patch("/apps/{app}")
def update(call: Call) -> Any:
    app = call.app()
    name = bodies.optional_text(call.body, "name")
    if name not in {None, app.name}:
        raise UsageError("An app keeps the name it was created with.", hint="Create another app with the new name.")
    check_stack(references.optional_reference(call.body, "build_stack"))
    if call.body.get("maintenance") is not None:
        app = apps.set_maintenance(call.platform, app, bodies.flag(call.body, "maintenance"), call.user)
    return show(call.platform, app)


@routes.delete("/apps/{app}")
def destroy(call: Call) -> Any:
    app = call.app()
    last = show(call.platform, app)
    apps.destroy(call.platform, app, call.user)
    return last


@routes.post("/apps/{app}/actions/stop", 202)
def stop(call: Call) -> Any:
    apps.stop(call.platform, call.app(), call.user)
    return {}


@routes.post("/apps/{app}/actions/start", 202)
def start(call: Call) -> Any:
    apps.start(call.platform, call.app(), call.user)
    return {}
