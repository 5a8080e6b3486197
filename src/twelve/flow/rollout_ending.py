"""The end of a rollout: on record, nothing dealt out any more, the processes of its variants drained and stopped."""

import json
from datetime import UTC, datetime

from twelve.core.model import App, Rollout, RolloutStatus
from twelve.core.policy.assign import percent
from twelve.flow import variants
from twelve.flow.platform import Platform


def end(platform: Platform, app: App, rollout: Rollout, status: RolloutStatus, reason: str, user: str) -> Rollout:
    """The caller holds the release lock."""
    ended = platform.rollouts.end(rollout, status, reason)
    platform.rollouts_changed.set()
    tell(platform, app, ended, "promote" if status == RolloutStatus.PROMOTED else "abort", user)
    variants.retire(platform, app, ended)
    return ended


def abort_if_running(platform: Platform, app: App, reason: str, user: str) -> None:
    """Before the control itself changes. The caller holds the release lock."""
    if (rollout := platform.rollouts.running(app.id)) is not None:
        end(platform, app, rollout, RolloutStatus.ABORTED, reason, user)


def settle(platform: Platform, app: App) -> None:
    """A rollout whose control is not what the app runs: a server died between a promotion and the end that follows."""
    rollout, release = platform.rollouts.running(app.id), platform.releases.current(app)
    if rollout is not None and release is not None and release.version != rollout.control.release:
        end(platform, app, rollout, RolloutStatus.PROMOTED, f"v{release.version} serves alone", platform.user)


def tell(platform: Platform, app: App, rollout: Rollout, action: str, user: str) -> None:
    """One JSON line in the app's log, for whoever reads its events."""
    shares = rollout.shares
    event = {
        "event": "experiment",
        "schema": 1,
        "ts": datetime.now(UTC).isoformat(timespec="microseconds"),
        "action": action,
        "experiment": rollout.salt,
        "phase": rollout.phase,
        "unit": rollout.unit.source,
        "variants": {
            one.name: {"release": f"v{one.release}", "percent": float(percent(shares[one.name]))}
            for one in rollout.variants
        },
        "shadow": None if rollout.shadow is None else f"v{rollout.shadow}",
        "reason": rollout.reason or None,
        "user": user,
    }
    platform.logs.write(app.name, "rollout", json.dumps(event, separators=(",", ":")))
