"""What the watch over rollouts may do by itself: what a person could do, in the platform's name."""

from twelve.core.errors import Conflict
from twelve.core.model import App, Rollout, RolloutStatus, Variant
from twelve.flow import rollouts
from twelve.flow.platform import Platform
from twelve.flow.rollout_ending import end


class ByItself:
    """flow.rollout_watch.Acts. What somebody else has ended meanwhile is left alone."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def abort(self, app: App, rollout: Rollout, reason: str) -> None:
        with self._platform.database.lock(app.id, "release"):
            app = self._platform.apps.get(app.id)
            running = self._platform.rollouts.running(app.id)
            if running is not None and running.id == rollout.id:
                end(self._platform, app, running, RolloutStatus.ABORTED, reason, self._platform.user)

    def ramp(self, app: App, rollout: Rollout, variant: Variant, percent: float) -> None:
        self._check(rollout)
        rollouts.ramp(self._platform, app, {variant.release: round(percent * 100)}, self._platform.user)

    def promote(self, app: App, rollout: Rollout, variant: Variant) -> None:
        self._check(rollout)
        rollouts.promote(self._platform, app, variant.release, self._platform.user)

    def _check(self, rollout: Rollout) -> None:
        running = self._platform.rollouts.running(rollout.app_id)
        if running is None or (running.id, running.phase) != (rollout.id, rollout.phase):
            raise Conflict(f"The rollout {rollout.salt} was changed meanwhile.")
