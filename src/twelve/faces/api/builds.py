"""Builds: an uploaded source on its way to a slug, and to the release it leads to."""

from typing import Any
from uuid import UUID

from starlette.responses import Response

from twelve.core.errors import NotFound
from twelve.core.model import App, Build
from twelve.faces.api import bodies, references, streams
from twelve.faces.api.routes import Call, Routes
from twelve.faces.api.sources import uploaded
from twelve.faces.api.stacks import STACK
from twelve.flow import deploy

OUTPUT = "build output"
OUTPUT_SECONDS = 24 * 3600

routes = Routes()


def show(call: Call, app: App, build: Build) -> dict[str, Any]:
    digest = f"urn:twelve:source:{build.source_digest or build.id}"
    return {
        "id": str(build.id),
        "app": {"id": str(build.app_id)},
        "buildpacks": [],
        "created_at": references.time(build.created_at),
        "failure": build.failure,
        "generation": "cedar",
        "output_stream_url": _output_url(call, app, build),
        "release": {"id": str(build.release_id)} if build.release_id else None,
        "slug": {"id": str(build.slug_id)} if build.slug_id else None,
        "source_blob": {"checksum": None, "url": digest, "version": build.version, "version_description": None},
        "stack": STACK,
        "status": build.status,
        "updated_at": references.time(build.updated_at),
        "user": references.user(build.user),
    }


@routes.post("/apps/{app}/builds")
def create(call: Call) -> Any:
    """Beside the source: "dotenv", a development .env, "provision", to add the services the codebase asks for, and
    "candidate", for a release without traffic.
    """
    app = call.app()
    blob = bodies.mapping(call.body, "source_blob")
    dotenv = bodies.variables(bodies.mapping(call.body, "dotenv")) if "dotenv" in call.body else None
    request = deploy.DeployRequest(
        upload=uploaded(call, bodies.text(blob, "url")),
        user=call.user,
        version=bodies.optional_text(blob, "version"),
        dotenv=None if dotenv is None else {key: value for key, value in dotenv.items() if value is not None},
        provision=bodies.flag(call.body, "provision"),
        candidate=bodies.flag(call.body, "candidate"),
    )
    return show(call, app, deploy.begin(call.platform, app, request))


@routes.get("/apps/{app}/builds")
def index(call: Call) -> Any:
    app = call.app()
    return call.page([show(call, app, build) for build in call.platform.builds.list(app.id)], default="created_at")


@routes.get("/apps/{app}/builds/{build}")
def info(call: Call) -> Any:
    app = call.app()
    return show(call, app, call.platform.builds.get(app.id, _id(call.path["build"])))


@routes.get("/_output/builds/{secret}")
def output(call: Call) -> Response:
    facts = call.capabilities.open(OUTPUT, call.path["secret"])
    return streams.text(call.platform.outputs.follow(UUID(facts["build"])))


def _output_url(call: Call, app: App, build: Build) -> str:
    secret = call.capabilities.issue(OUTPUT, OUTPUT_SECONDS, {"app": str(app.id), "build": str(build.id)})
    return call.url(f"/_output/builds/{secret}")


def _id(ref: str) -> UUID:
    try:
        return UUID(ref)
    except ValueError:
        raise NotFound(f'This app has no build "{ref}".', resource="build") from None
