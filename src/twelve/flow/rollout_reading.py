"""What the units of a phase say now: figures from the database, the judgement from core/policy/readout."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from twelve.core.model import BUCKETS, Rollout
from twelve.core.policy.readout import decision, srm
from twelve.core.policy.readout.decision import Frozen, Measure, Reading, Verdict
from twelve.core.policy.readout.plan import Metric, Plan
from twelve.core.policy.readout.sequence import pooled_variance
from twelve.stages.metrics.units.batch import Traffic
from twelve.stages.metrics.units.store import Cut, Units

LAG = timedelta(seconds=2)  # until what was read is kept
IN_FLIGHT = timedelta(seconds=60)  # a line comes when its request ends: a slow variant's units are not missing


@dataclass(frozen=True, slots=True)
class Readout:
    """`units` by variant are all that were seen in the phase, those of earlier phases too. `at` is its moment."""

    rollout: Rollout
    plan: Plan
    at: datetime
    reading: Reading
    verdict: Verdict
    units: Mapping[str, int]
    traffic: Mapping[str, Traffic]


def read(units: Units, rollout: Rollout, now: datetime | None = None) -> Readout:
    """Of its last phase. A metric's first look after burn-in fixes what may not change from then on."""
    at = rollout.ended_at or now or datetime.now(UTC)
    plan = Plan.of(rollout.settings)
    weights = {name: share * 100 / BUCKETS for name, share in rollout.shares.items()}
    counts = units.counts(Cut(rollout.id, rollout.phase, at - IN_FLIGHT, plan.returning))
    reading = Reading(
        weights=weights,
        counts=counts,
        ratio=srm.check(counts, weights),
        primary=_measure(units, rollout, plan, plan.primary, at, guard=False),
        guards=[_measure(units, rollout, plan, metric, at, guard=True) for metric in plan.guards],
    )
    return Readout(
        rollout=rollout,
        plan=plan,
        at=at,
        reading=reading,
        verdict=decision.decide(reading, plan),
        units=units.counts(Cut(rollout.id, rollout.phase, at, returning=True)),
        traffic=units.traffic(rollout.id, rollout.phase),
    )


def _measure(units: Units, rollout: Rollout, plan: Plan, metric: Metric, at: datetime, *, guard: bool) -> Measure:
    """A unit enters when its window has closed and everything about it must have arrived."""
    closed = at - timedelta(seconds=metric.window + plan.settle) - LAG
    cut = Cut(rollout.id, rollout.phase, closed, plan.returning or guard)
    frozen = units.frozen(rollout.id, rollout.phase).get(metric.name)
    arms, silent = units.arms(cut, metric, frozen.cap if frozen else None)
    found = Measure(metric, arms, frozen, silent)
    variants = [name for name, share in rollout.shares.items() if share]
    if frozen or not decision.burnt_in(found, variants, guard=guard):
        return found
    return _frozen(units, cut, metric, found)


def _frozen(units: Units, cut: Cut, metric: Metric, found: Measure) -> Measure:
    cap = None if metric.bounded else units.cap(cut, metric)
    arms = found.arms if cap is None else units.arms(cut, metric, cap)[0]
    variance = pooled_variance(*arms.values())
    if variance <= 0:  # everybody had the same: nothing to tell
        return found
    frozen = units.freeze(cut, metric, Frozen(variance, cap))
    if frozen.cap != cap:  # another server was first
        arms = units.arms(cut, metric, frozen.cap)[0]
    return Measure(metric, arms, frozen, found.silent)
