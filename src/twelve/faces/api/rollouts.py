"""Rollouts: an app's requests shared between releases by weight. An extension in the shape of the others."""

import re
from collections.abc import Mapping
from typing import Any

from twelve.core.errors import NotFound, UsageError
from twelve.core.model import BUCKETS, App, Rollout
from twelve.core.policy import rollout as policy
from twelve.faces.api import bodies, references, rollout_readings
from twelve.faces.api.releases import shown
from twelve.faces.api.routes import Call, Routes
from twelve.flow import rollouts as flow

routes = Routes()
_RELEASE = re.compile(r"v?([1-9][0-9]{0,8})")
CURRENT = "current"


def show(call: Call, app: App, rollout: Rollout, *, readout: bool = False) -> dict[str, Any]:
    """`share` is in percent. With `readout`, what its units say so far."""
    shares = rollout.shares
    document = {
        "id": str(rollout.id),
        "app": references.app_reference(app),
        "name": rollout.name,
        "iteration": rollout.iteration,
        "experiment": rollout.salt,
        "salt": rollout.salt,
        "unit": rollout.unit.source,
        "anonymous": rollout.unit.anonymous,
        "status": rollout.status.value,
        "reason": rollout.reason or None,
        "phase": rollout.phase,
        "shadow": None if rollout.shadow is None else {"version": rollout.shadow},
        "settings": dict(rollout.settings),
        "variants": [
            {
                "name": one.name,
                "release": {"version": one.release},
                "share": shares[one.name] * 100 / BUCKETS,
                "ranges": [list(each) for each in one.ranges],
                "processes": one.processes,
            }
            for one in rollout.variants
        ],
        "created_at": references.time(rollout.created_at),
        "ended_at": None if rollout.ended_at is None else references.time(rollout.ended_at),
    }
    return document | ({"readout": rollout_readings.show(call.platform, rollout)} if readout else {})


@routes.get("/apps/{app}/rollouts")
def index(call: Call) -> Any:
    app = call.app()
    return call.page([show(call, app, one) for one in call.platform.rollouts.list(app.id)], default="created_at")


@routes.post("/apps/{app}/rollouts")
def create(call: Call) -> Any:
    """The shares in percent by release: {"shares": {"v12": "90", "v13": "10"}, "unit": "header:X-User-Id"}."""
    app, body = call.app(), call.body
    counts = bodies.mapping(body, "processes")
    wish = flow.Wish(
        shares=_shares(body),
        unit=policy.unit(bodies.optional_text(body, "unit") or "", anonymous=bodies.flag(body, "anonymous")),
        name=bodies.optional_text(body, "name") or "",
        processes={_release(key): bodies.number(counts, key, 1) for key in counts},
        shadow=_release(bodies.text(body, "shadow")) if body.get("shadow") is not None else None,
        settings=bodies.mapping(body, "settings"),
    )
    return show(call, app, flow.start(call.platform, app, wish, call.user))


@routes.get("/apps/{app}/rollouts/{rollout}")
def info(call: Call) -> Any:
    """By its id, as "shop.3", or "current": the one that runs, else the last one."""
    app = call.app()
    return show(call, app, _found(call, app), readout=True)


@routes.post("/apps/{app}/rollouts/current/actions/ramp", 200)
def ramp(call: Call) -> Any:
    app = call.app()
    return show(call, app, flow.ramp(call.platform, app, _shares(call.body), call.user))


@routes.post("/apps/{app}/rollouts/current/actions/promote", 200)
def promote(call: Call) -> Any:
    """The new release. "release" says which, where there are several treatments."""
    app, ref = call.app(), bodies.optional_text(call.body, "release")
    made = flow.promote(call.platform, app, _release(ref) if ref else None, call.user)
    return shown(call, call.app(), [made])[0]


@routes.post("/apps/{app}/rollouts/current/actions/abort", 200)
def abort(call: Call) -> Any:
    app = call.app()
    reason = bodies.optional_text(call.body, "reason") or f"aborted by {call.user}"
    return show(call, app, flow.abort(call.platform, app, reason, call.user))


def _found(call: Call, app: App) -> Rollout:
    ref, known = call.path["rollout"], call.platform.rollouts.list(app.id)
    running = call.platform.rollouts.running(app.id)
    if ref == CURRENT and (running or known):
        return running or known[-1]
    for one in known:
        if ref in {str(one.id), one.salt}:
            return one
    raise NotFound(
        f"{app.name} has had no rollout so far." if ref == CURRENT else f'This app has no rollout "{ref}".',
        resource="rollout",
        hint="`twelve rollout start` begins one.",
    )


def _shares(body: Mapping[str, Any]) -> dict[int, int]:
    shares = bodies.mapping(body, "shares")
    return {_release(key): policy.share(str(value)) for key, value in shares.items()}


def _release(text: str) -> int:
    match = _RELEASE.fullmatch(text)
    if not match:
        raise UsageError(f'"{text}" is not a release, such as v12.')
    return int(match[1])
