import pytest

from twelve.core.errors import UsageError
from twelve.core.policy.readout.plan import MARGINS, Plan


def test_nothing_said_means_the_defaults():
    plan = Plan.of({})
    assert plan == Plan()
    assert plan.primary.name == "errors"
    assert not plan.primary.higher_is_better
    assert [metric.name for metric in plan.metrics] == list(MARGINS)
    assert plan.auto_stop
    assert not plan.auto_promote


def test_it_survives_its_own_settings():
    guardrails = {"errors": 0.02, "latency": None, "fallback": None}
    plan = Plan.of({"metric": "click", "once": True, "window": 30, "guardrails": guardrails, "auto_stop": False})
    assert Plan.of(plan.settings()) == plan
    assert plan.primary.bounded
    assert plan.primary.window == 30
    assert [metric.name for metric in plan.metrics] == ["click", "errors"]


def test_guardrails_that_are_not_named_keep_their_margins():
    assert Plan.of({"guardrails": {"errors": 0.5}}).guardrails == MARGINS | {"errors": 0.5}
    assert "fallback" not in Plan.of({"guardrails": {"fallback": None}}).guardrails


def test_names_of_another_twelve_are_left_alone():
    assert Plan.of({"telepathy": 3, "metric": None}) == Plan()


def test_who_starts_a_rollout_is_told_of_a_slip():
    with pytest.raises(UsageError, match="metrc"):
        Plan.agreed({"metrc": "click"})
    assert Plan.agreed({"metric": "click"}).metric == "click"


@pytest.mark.parametrize(
    "settings",
    [
        {"metric": 7},
        {"metric": ""},
        {"metric": "x" * 65},
        {"alpha": 0},
        {"alpha": True},
        {"window": -1},
        {"window": 1e12},
        {"planned": 0},
        {"auto_stop": "yes"},
        {"guardrails": ["errors"]},
        {"guardrails": {"colour": 1}},
        {"guardrails": {"errors": -0.1}},
        {"guardrails": {"errors": float("nan")}},
        {"guardrails": {"errors": True}},
    ],
)
def test_wrong_ones_are_refused(settings):
    with pytest.raises(UsageError):
        Plan.of(settings)
