"""A rollout of the trial's app: a candidate release with other config vars beside the current one, until it is over."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from twelve.audit.probes.trial import NAME, USER, Trial
from twelve.core.errors import NotFound
from twelve.core.model.rollout import BUCKETS, Unit
from twelve.flow import candidates, rollouts

UNIT = "X-User-Id"


@dataclass(frozen=True, slots=True)
class Split:
    trial: Trial
    release: int

    def ramp(self, share: float) -> None:
        rollouts.ramp(self.trial.platform, self.trial.app, {self.release: round(share * BUCKETS)}, USER)


@contextlib.contextmanager
def split(trial: Trial, changed: Mapping[str, str], share: float) -> Iterator[Split]:
    """Requests with the header UNIT are dealt out by it. Aborted at the end: the current release has everything."""
    candidate = candidates.with_config(trial.platform, trial.app, changed, USER)
    wish = rollouts.Wish({candidate.version: round(share * BUCKETS)}, Unit(f"header:{UNIT.lower()}"), NAME)
    rollouts.start(trial.platform, trial.app, wish, USER)
    try:
        yield Split(trial, candidate.version)
    finally:
        with contextlib.suppress(NotFound):
            rollouts.abort(trial.platform, trial.app, "The audit has seen enough.", USER)
