"""Histories of readings, replayed: what would have been decided at each look."""

from dataclasses import replace

import pytest

from twelve.core.policy.readout import srm
from twelve.core.policy.readout.decision import Frozen, Measure, Reading, Status, burnt_in, decide
from twelve.core.policy.readout.plan import BUILT_IN, Metric, Plan
from twelve.core.policy.readout.sequence import Arm

CLICK = Metric("click", once=True, bounded=True)
PLAN = Plan(metric="click", once=True, guardrails={"errors": 0.01})
EVEN = {"a": 50.0, "b": 50.0}


def of_successes(successes, n):
    share = successes / n
    return Arm(n, share, share * (1 - share) * n / (n - 1), successes)


def measure(metric, guard=False, **arms):
    found = Measure(metric, {name: of_successes(*pair) for name, pair in arms.items()})
    return replace(found, frozen=Frozen(0.09)) if burnt_in(found, list(arms), guard=guard) else found


def reading(a, b, errors_a=(0, 1000), errors_b=(0, 1000), counts=None, weights=EVEN):
    counts = counts or {"a": a[1], "b": b[1]}
    errors = measure(BUILT_IN["errors"], guard=True, a=errors_a, b=errors_b)
    return Reading(weights, counts, srm.check(counts, weights), measure(CLICK, a=a, b=b), [errors])


@pytest.mark.parametrize(
    ("a", "b", "status"),
    [
        ((9, 100), (20, 100), Status.BURN_IN),  # a has fewer than ten clicks
        ((20, 99), (20, 100), Status.BURN_IN),  # and here fewer than a hundred units
        ((500, 5000), (505, 5000), Status.RUNNING),
        ((500, 5000), (640, 5000), Status.WINNER),
        ((640, 5000), (500, 5000), Status.ROLLBACK),
        ((5000, 50_000), (5001, 50_000), Status.INCONCLUSIVE),
    ],
)
def test_one_look(a, b, status):
    assert decide(reading(a, b), PLAN).status == status


def test_lower_is_better():
    shown = reading((500, 5000), (640, 5000))
    worse = replace(shown, primary=replace(shown.primary, metric=replace(CLICK, higher_is_better=False)))
    verdict = decide(worse, PLAN)
    assert verdict.status == Status.ROLLBACK
    assert verdict.variant == "b"
    assert "click of b is worse: +0.028" in verdict.reason


def test_a_wrong_split_is_told_of_and_nothing_else():
    verdict = decide(reading((500, 5000), (640, 5000), counts={"a": 5000, "b": 4000}), PLAN)
    assert verdict.status == Status.REFUSED_SRM
    assert not verdict.effects
    assert not verdict.guards


def test_a_guardrail_comes_before_the_metric():
    verdict = decide(reading((500, 5000), (640, 5000), (0, 1000), (100, 1000)), PLAN)
    assert verdict.status == Status.ROLLBACK
    assert "errors of b is beyond its guardrail of 0.01" in verdict.reason


def test_a_guardrail_speaks_before_the_metric_can():
    verdict = decide(reading((0, 150), (0, 150), (0, 150), (75, 150)), PLAN)
    assert verdict.status == Status.ROLLBACK
    assert verdict.guards[0].breached


def test_harm_within_the_margin_is_no_breach():
    verdict = decide(reading((500, 5000), (505, 5000), (100, 100_000), (400, 100_000)), PLAN)
    assert verdict.guards[0].interval.low > 0
    assert verdict.status == Status.RUNNING


def test_latency_has_a_margin_relative_to_the_control():
    plan = Plan(guardrails={"latency": 0.2})
    slow = Measure(BUILT_IN["latency"], {"a": Arm(5000, 100, 400, 5000), "b": Arm(5000, 140, 400, 5000)}, Frozen(400))
    bearable = replace(slow, arms={**slow.arms, "b": Arm(5000, 124, 400, 5000)})
    counts = {"a": 5000, "b": 5000}
    shown = Reading(
        EVEN, counts, srm.check(counts, EVEN), measure(BUILT_IN["errors"], a=(0, 5000), b=(0, 5000)), [slow]
    )
    assert decide(shown, plan).status == Status.ROLLBACK
    assert decide(replace(shown, guards=[bearable]), plan).status == Status.BURN_IN


def test_unbounded_metrics_burn_in_for_longer():
    money = Metric("revenue")
    assert not burnt_in(measure(money, a=(499, 499), b=(499, 499)), "ab", guard=False)
    assert burnt_in(measure(money, a=(500, 500), b=(500, 500)), "ab", guard=False)


def test_three_variants_share_the_error():
    """What is certain enough for one treatment alone need not be with two of them."""
    a, b = (500, 5000), (597, 5000)
    one = decide(reading(a, b), PLAN)
    two = Reading({"a": 40, "b": 30, "c": 30}, {}, srm.SampleRatio(1, 0), measure(CLICK, a=a, b=b, c=(500, 5000)), [])
    assert one.status == Status.WINNER
    assert decide(two, PLAN).status == Status.RUNNING
    assert len(decide(two, PLAN).effects) == 2


def test_everything_with_the_treatment_leaves_nothing_to_compare():
    all_b = reading((0, 2), (600, 5000), weights={"a": 0.0, "b": 100.0})
    assert decide(all_b, PLAN).status == Status.BURN_IN


HISTORY = [  # clicks and units of control and treatment as days went by; a treatment that is worse by a quarter
    ((5, 60), (4, 61), Status.BURN_IN),
    ((30, 300), (22, 303), Status.RUNNING),
    ((101, 1000), (76, 990), Status.RUNNING),
    ((203, 2000), (152, 2010), Status.RUNNING),
    ((305, 3000), (226, 3010), Status.ROLLBACK),
]


def test_a_worse_treatment_is_found_out_in_time():
    assert [decide(reading(a, b), PLAN).status for a, b, _ in HISTORY] == [status for _, _, status in HISTORY]
