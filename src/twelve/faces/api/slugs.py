"""Slugs: what a build made."""

from typing import Any

from twelve.core.errors import NotFound
from twelve.core.model import Slug
from twelve.faces.api import references
from twelve.faces.api.routes import Call, Routes
from twelve.faces.api.stacks import STACK

routes = Routes()


def show(slug: Slug) -> dict[str, Any]:
    made = references.time(slug.created_at) if slug.created_at else references.EPOCH
    return {
        "id": str(slug.id),
        "blob": {"method": "GET", "url": f"urn:twelve:slug:{slug.digest}"},
        "buildpack_provided_description": ", ".join(slug.languages) or None,
        "checksum": f"SHA256:{slug.digest}",
        "commit": slug.commit,
        "commit_description": None,
        "created_at": made,
        "deleted_at": None,
        "process_types": dict(slug.process_types),
        "size": slug.size,
        "stack": references.named("stack", STACK),
        "updated_at": made,
    }


@routes.get("/apps/{app}/slugs/{slug}")
def info(call: Call) -> Any:
    """Only slugs that a release of this app was made from."""
    app, ref = call.app(), call.path["slug"]
    for release in call.platform.releases.list(app.id):
        if release.slug_id is not None and ref == str(release.slug_id):
            return show(call.platform.slugs.get(release.slug_id))
    raise NotFound(f'This app has no slug "{ref}".', resource="slug")
