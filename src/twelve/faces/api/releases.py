"""Releases: the ledger, and the way back."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from starlette.responses import Response

from twelve.core.errors import NotFound, UsageError
from twelve.core.model import App, Release, ReleaseStatus
from twelve.faces.api import bodies, references, streams
from twelve.faces.api.routes import Call, Routes
from twelve.flow import candidates
from twelve.flow.releasing import RELEASE
from twelve.flow.rollback import eligible, rollback

OUTPUT = "release output"
OUTPUT_SECONDS = 24 * 3600
POLL = 0.25

routes = Routes()


def show(call: Call, app: App, release: Release, plans: Mapping[str, str]) -> dict[str, Any]:
    """`plans` maps resource names to their plans."""
    return {
        "id": str(release.id),
        "version": release.version,
        "app": references.app_reference(app),
        "addon_plan_names": [plans[name] for name in release.attachments.values() if name in plans],
        "artifacts": [{"type": "slug", "id": str(release.slug_id)}] if release.slug_id else [],
        "candidate": release.candidate,
        "commit": release.commit,
        "created_at": references.time(release.created_at),
        "current": release.id == app.current_release,
        "description": release.description,
        "eligible_for_rollback": bool(eligible([release])),
        "failure": release.failure,
        "model": release.model and release.model.document(),
        "output_stream_url": output_url(call, app, release),
        "slug": {"id": str(release.slug_id)} if release.slug_id else None,
        "status": release.status.value,
        "updated_at": references.time(release.updated_at),
        "user": references.user(release.user),
    }


def output_url(call: Call, app: App, release: Release) -> str | None:
    """None for a release without a release command."""
    if RELEASE not in release.process_types:
        return None
    secret = call.capabilities.issue(OUTPUT, OUTPUT_SECONDS, {"app": str(app.id), "release": str(release.id)})
    return call.url(f"/_output/releases/{secret}")


@routes.get("/apps/{app}/releases")
def index(call: Call) -> Any:
    app = call.app()
    return call.page(shown(call, app, call.platform.releases.list(app.id)), default="version")


@routes.get("/apps/{app}/releases/{release}")
def info(call: Call) -> Any:
    app = call.app()
    return _one(call, app, named(call, app))


def named(call: Call, app: App) -> Release:
    """The one the path names: by id, as 7 or v7, or "current" for the one that serves."""
    ref = call.path["release"]
    if ref != "current":
        return call.platform.releases.get(app.id, ref)
    current = call.platform.releases.current(app)
    if current is None:
        raise NotFound(f"{app.name} has nothing released yet.", resource="release")
    return current


@routes.post("/apps/{app}/releases")
def create(call: Call) -> Any:
    """A rollback; without "release", to the one before the current."""
    if "slug" in call.body:
        raise UsageError("A release is made by a deploy, a change of config, or a rollback.")
    app = call.app()
    target = call.body.get("release")
    ref = str(target) if isinstance(target, int) else references.optional_reference(call.body, "release")
    release = rollback(call.platform, app, ref, call.user)
    return _one(call, call.app(), release)


@routes.post("/apps/{app}/candidates")
def candidate(call: Call) -> Any:
    """What the app runs with other "config_vars", without requests until a rollout gives it some."""
    app = call.app()
    release = candidates.with_config(
        call.platform, app, bodies.variables(bodies.mapping(call.body, "config_vars")), call.user
    )
    return _one(call, app, release)


@routes.get("/_output/releases/{secret}")
def output(call: Call) -> Response:
    facts = call.capabilities.open(OUTPUT, call.path["secret"])
    release = call.platform.releases.get(UUID(facts["app"]), UUID(facts["release"]))
    if release.status == ReleaseStatus.PENDING and not release.output:
        raise NotFound("The release command has not started yet.", resource="release")
    return streams.text(_growing(call, release))


def _growing(call: Call, release: Release) -> Iterator[bytes]:
    """What the release command has printed, and what it prints until it ends."""
    sent = 0
    while True:
        release = call.platform.releases.get(release.app_id, release.id)
        yield release.output[sent:].encode()
        sent = len(release.output)
        if release.status != ReleaseStatus.PENDING:
            return
        time.sleep(POLL)


def shown(call: Call, app: App, releases: Iterable[Release]) -> list[dict[str, Any]]:
    plans = {resource.name: resource.plan for resource in call.platform.resources.list()}
    return [show(call, app, release, plans) for release in releases]


def _one(call: Call, app: App, release: Release) -> dict[str, Any]:
    return shown(call, app, [release])[0]


def one(call: Call, app: App, release: Release | None) -> dict[str, Any] | None:
    """A release, else the current one."""
    found = release or call.platform.releases.current(app)
    return _one(call, app, found) if found else None
