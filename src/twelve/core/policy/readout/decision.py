"""What a reading says: refused_srm, burn_in, rollback, winner, inconclusive or running. Pure.

Every treatment is compared with the control. With several treatments or guardrails the error is shared between them
(Bonferroni), so the promise of alpha is for the rollout as a whole: one share for the metric, one for the guardrails.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from twelve.core.policy.readout import sequence
from twelve.core.policy.readout.plan import LATENCY_SLACK, RELATIVE, Metric, Plan
from twelve.core.policy.readout.sequence import Arm, Interval
from twelve.core.policy.readout.srm import SampleRatio

LEAST, LEAST_UNBOUNDED = 100, 500  # units of each variant before the first look
LEAST_NONZERO = 10


class Status(StrEnum):
    REFUSED_SRM = "refused_srm"
    BURN_IN = "burn_in"
    ROLLBACK = "rollback"
    WINNER = "winner"
    INCONCLUSIVE = "inconclusive"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Frozen:
    """Fixed at the end of burn-in, before the first look: values are cut at `cap`, `variance` says what to plan for."""

    variance: float
    cap: float | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric of one phase. `silent` are units without any outcome. Not `frozen` means burn-in."""

    metric: Metric
    arms: Mapping[str, Arm]
    frozen: Frozen | None = None
    silent: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """One phase. The control comes first in `weights`, which are per cent of the buckets."""

    weights: Mapping[str, float]
    counts: Mapping[str, int]
    ratio: SampleRatio
    primary: Measure
    guards: Sequence[Measure] = ()

    @property
    def control(self) -> str:
        return next(iter(self.weights))

    @property
    def treatments(self) -> list[str]:
        return [name for name, weight in self.weights.items() if name != self.control and weight > 0]


@dataclass(frozen=True, slots=True)
class Effect:
    """Of one treatment on one metric. Harm beyond the `margin` of a guardrail has it `breached`."""

    metric: str
    variant: str
    interval: Interval
    margin: float | None = None
    breached: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`variant` is the one that won or is the reason to go back. Nothing is told of effects on a wrong split."""

    status: Status
    reason: str
    variant: str | None = None
    effects: Sequence[Effect] = field(default_factory=list)
    guards: Sequence[Effect] = field(default_factory=list)


def burnt_in(measure: Measure, variants: Sequence[str], *, guard: bool) -> bool:
    """A guardrail may have no error at all in its control: then the treatment's have to speak."""
    least = LEAST if measure.metric.bounded else LEAST_UNBOUNDED
    arms = [measure.arms.get(name, Arm(0)) for name in variants]
    nonzero = [arm.nonzero for arm in arms]
    enough = sum(nonzero) if guard else min(nonzero, default=0)
    return enough >= LEAST_NONZERO and all(arm.n >= least for arm in arms)


def decide(reading: Reading, plan: Plan) -> Verdict:
    if reading.ratio.blocked:
        return Verdict(Status.REFUSED_SRM, f"the units are not split by the weights (p = {reading.ratio.p:.2g})")
    comparisons = max(1, len(reading.treatments))
    effects = _effects(reading, plan, reading.primary, plan.alpha / comparisons)
    shared = plan.alpha / (comparisons * max(1, len(reading.guards)))
    guards = [one for guard in reading.guards for one in _guarded(reading, plan, guard, shared)]
    status, reason, variant = _judge(reading, plan, effects, guards)
    return Verdict(status, reason, variant, effects, guards)


def _judge(
    reading: Reading, plan: Plan, effects: Sequence[Effect], guards: Sequence[Effect]
) -> tuple[Status, str, str | None]:
    for guard in guards:
        if guard.breached:
            return Status.ROLLBACK, _harm(guard), guard.variant
    if not effects:
        return Status.BURN_IN, f"too few units with {reading.primary.metric.name} yet", None
    sign = 1 if reading.primary.metric.higher_is_better else -1
    for effect in effects:
        if max(sign * effect.interval.low, sign * effect.interval.high) < 0:
            return Status.ROLLBACK, f"{effect.metric} of {effect.variant} is worse: {_told(effect)}", effect.variant
    for effect in effects:
        if min(sign * effect.interval.low, sign * effect.interval.high) > 0:
            return Status.WINNER, f"{effect.metric} of {effect.variant} is better: {_told(effect)}", effect.variant
    units = sum(arm.n for arm in reading.primary.arms.values())
    if units >= plan.most:
        return Status.INCONCLUSIVE, f"{units} units show no difference", None
    return Status.RUNNING, "no difference is certain yet", None


def _effects(reading: Reading, plan: Plan, measure: Measure, alpha: float) -> list[Effect]:
    control = measure.arms.get(reading.control, Arm(0))
    if measure.frozen is None or control.n < LEAST:
        return []
    total = sum(reading.weights.values())
    effects = []
    for name in reading.treatments:
        treatment = measure.arms.get(name, Arm(0))
        if treatment.n >= LEAST:
            shares = (reading.weights[reading.control] / total, reading.weights[name] / total)
            planned = sequence.planned_variance(measure.frozen.variance, shares, plan.planned)
            found = sequence.interval(control, treatment, planned, alpha)
            effects.append(Effect(measure.metric.name, name, found))
    return effects


def _guarded(reading: Reading, plan: Plan, guard: Measure, alpha: float) -> list[Effect]:
    margin = plan.guardrails[guard.metric.name]
    if guard.metric.name in RELATIVE:
        margin = margin * guard.arms.get(reading.control, Arm(0)).mean + LATENCY_SLACK
    effects = _effects(reading, plan, guard, alpha)
    return [replace(one, margin=margin, breached=one.interval.low > margin) for one in effects]


def _harm(guard: Effect) -> str:
    return f"{guard.metric} of {guard.variant} is beyond its guardrail of {guard.margin:.4g}: {_told(guard)}"


def _told(effect: Effect) -> str:
    found = effect.interval
    return f"{found.delta:+.4g} [{found.low:+.4g}, {found.high:+.4g}]"
