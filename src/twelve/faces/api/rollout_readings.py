"""What a rollout's read-out says, as JSON: part of the rollout's own document. On a wrong split no effect is in it."""

from collections.abc import Sequence
from typing import Any

from twelve.core.model import Rollout, RolloutStatus
from twelve.core.policy.readout.canary import Complete, Ramp, Wait
from twelve.core.policy.readout.decision import Effect, Measure, Status
from twelve.core.policy.readout.sequence import Arm
from twelve.faces.api import references
from twelve.flow.platform import Platform
from twelve.flow.rollout_canary import next_step
from twelve.flow.rollout_reading import Readout, read
from twelve.stages.metrics.units.batch import Traffic


def show(platform: Platform, rollout: Rollout) -> dict[str, Any]:
    found = read(platform.units, rollout)
    runs = rollout.status == RolloutStatus.RUNNING
    return _shown(found) | {"canary": _canary(next_step(platform, found)) if found.plan.canary and runs else None}


def _canary(step: Wait | Ramp | Complete) -> str:
    match step:
        case Wait(reason):
            return reason
        case Ramp(weight):
            return f"on its way to {weight:g} %"
        case Complete():
            return "complete: it may be promoted"


def _shown(found: Readout) -> dict[str, Any]:
    reading, verdict, plan = found.reading, found.verdict, found.plan
    refused = reading.ratio.refused or reading.ratio.blocked
    metric = reading.primary.metric
    return {
        "at": references.time(found.at),
        "phase": found.rollout.phase,
        "verdict": (Status.REFUSED_SRM if refused else verdict.status).value,
        "reason": "the units are not split by the weights, so no effect is told" if refused else verdict.reason,
        "winner": verdict.variant if verdict.status == Status.WINNER and not refused else None,
        "srm": {"p": reading.ratio.p, "ln_e": reading.ratio.log_e, "refused": refused},
        "metric": {
            "name": metric.name,
            "kind": "once" if metric.once else "mean" if metric.per_request else "sum",
            "higher_is_better": metric.higher_is_better,
            "window": metric.window,
            "cap": reading.primary.frozen.cap if reading.primary.frozen else None,
            "units": "all" if plan.returning else "new",
            "units_without_outcome": reading.primary.silent,
        },
        "alpha": plan.alpha,
        "variants": [
            _variant(found, variant.name, variant.release, refused=refused) for variant in found.rollout.variants
        ],
        "effects": [] if refused else [_effect(one) for one in verdict.effects],
        "guardrails": [] if refused else [_guard(guard, verdict.guards) for guard in reading.guards],
        "auto_stop": plan.auto_stop,
        "auto_promote": plan.auto_promote,
    }


def _variant(found: Readout, name: str, release: int, *, refused: bool) -> dict[str, Any]:
    arm = found.reading.primary.arms.get(name, Arm(0))
    traffic = found.traffic.get(name, Traffic())
    return {
        "name": name,
        "release": {"version": release},
        "weight": found.reading.weights.get(name, 0.0),
        "units": found.units.get(name, 0),
        "counted": found.reading.counts.get(name, 0),
        "closed": arm.n,
        "mean": None if refused or not arm.n else arm.mean,
        "requests": traffic.requests,
        "failures": traffic.failures,
        "elsewhere": _share(traffic.elsewhere, traffic.requests),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _effect(effect: Effect) -> dict[str, Any]:
    found = effect.interval
    return {"variant": effect.variant, "delta": found.delta, "low": found.low, "high": found.high}


def _guard(guard: Measure, effects: Sequence[Effect]) -> dict[str, Any]:
    mine = [effect for effect in effects if effect.metric == guard.metric.name]
    return {
        "name": guard.metric.name,
        "window": guard.metric.window,
        "cap": guard.frozen.cap if guard.frozen else None,
        "state": "breached" if any(one.breached for one in mine) else "clear" if mine else "burn_in",
        "effects": [_effect(one) | {"margin": one.margin} for one in mine],
    }
