"""Where a canary stands: its figures and what keeps its processes from being trusted, as core/policy asks."""

from twelve.core.model import ProcessState, Rollout
from twelve.core.policy.readout import canary
from twelve.core.policy.readout.canary import Complete, Ramp, Wait
from twelve.core.policy.readout.decision import Status, Verdict
from twelve.flow.platform import Platform
from twelve.flow.rollout_reading import Readout


def next_step(platform: Platform, found: Readout) -> Wait | Ramp | Complete:
    rollout, plan = found.rollout, found.plan
    if len(rollout.treatments) != 1:
        return Wait("a canary has one treatment")
    since = platform.rollouts.phases(rollout.id)[-1].created_at
    return canary.next_step(
        found.reading.weights[rollout.treatments[0].name],
        (found.at - since).total_seconds(),
        {name: found.units.get(name, 0) for name, share in rollout.shares.items() if share},
        _obstacle(platform, rollout, found.verdict),
        canary.Pace(plan.dwell, plan.step_units),
    )


def _obstacle(platform: Platform, rollout: Rollout, verdict: Verdict) -> str:
    if verdict.status == Status.REFUSED_SRM or any(guard.breached for guard in verdict.guards):
        return verdict.reason
    release = rollout.treatments[0].release
    processes = platform.engine.processes(rollout.app_id)
    up = any(one.release_version == release and one.state == ProcessState.UP for one in processes)
    return "" if up else f"v{release} has no process that is up"
