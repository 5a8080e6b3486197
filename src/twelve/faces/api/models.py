"""Models: aliases with their history, promotion, and the digests that releases have pinned. The store is the app's."""

from typing import Any

from twelve.core.model import Alias
from twelve.faces.api import bodies, references, releases
from twelve.faces.api.routes import Call, Routes
from twelve.flow import models

routes = Routes()


def shown(entry: Alias) -> dict[str, Any]:
    return {
        "name": entry.name,
        "alias": entry.alias,
        "version": entry.version,
        "digest": entry.digest,
        "user": references.user(entry.user),
        "created_at": references.time(entry.created_at),
    }


@routes.get("/apps/{app}/model-aliases")
def index(call: Call) -> Any:
    """What each means now; with ?history=true everything they ever meant, the oldest first."""
    aliases, app = call.platform.aliases, call.app()
    found = aliases.history(app.id) if call.query.get("history") == "true" else aliases.current(app.id)
    return [shown(entry) for entry in found]


@routes.post("/apps/{app}/model-aliases")
def create(call: Call) -> Any:
    name, alias, version = (bodies.text(call.body, key) for key in ("name", "alias", "version"))
    return shown(models.set_alias(call.platform, call.app(), name, alias, version, call.user))


@routes.delete("/apps/{app}/model-aliases/{name}/{alias}")
def destroy(call: Call) -> Any:
    return shown(models.remove_alias(call.platform, call.app(), call.path["name"], call.path["alias"], call.user))


@routes.post("/apps/{app}/model-promotions")
def promote(call: Call) -> Any:
    """Answers when a release serves that version: the new one, or the current one where it did so already. With
    "candidate" the release takes no requests until a rollout gives it some."""
    app, candidate = call.app(), bodies.flag(call.body, "candidate")
    name, version = bodies.text(call.body, "name"), bodies.text(call.body, "version")
    made = models.promote(call.platform, app, name, version, call.user, candidate=candidate)
    return releases.one(call, call.app(), made)


@routes.get("/_twelve/model-digests")
def digests(call: Call) -> Any:
    """Of every model that some release of any app has pinned: what must stay in a store."""
    return sorted(call.platform.releases.models_in_use())
