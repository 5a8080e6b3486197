import pytest

from twelve.core.policy.readout.canary import Complete, Pace, Ramp, Wait, next_step

ENOUGH = {"a": 900, "b": 200}


@pytest.mark.parametrize(
    ("weight", "dwelt", "units", "obstacle", "expected"),
    [
        (1, 600, ENOUGH, "", Ramp(5)),
        (5, 600, ENOUGH, "", Ramp(25)),
        (10, 600, ENOUGH, "", Ramp(25)),  # a person chose another weight: on with the next step above
        (50, 600, ENOUGH, "", Ramp(100)),
        (100, 600, {"b": 5}, "", Complete()),  # no control is left to have units
        (100, 30, {}, "", Wait("570 s more at 100 %")),
        (1, 599, ENOUGH, "", Wait("1 s more at 1 %")),
        (1, 600, {"a": 900, "b": 199}, "", Wait("b has 199 of 200 units")),
        (1, 6000, {"a": 90, "b": 1}, "", Wait("a has 90 and b has 1 of 200 units")),
        (1, 6000, ENOUGH, "b has no process that is up", Wait("b has no process that is up")),
    ],
)
def test_table(weight, dwelt, units, obstacle, expected):
    assert next_step(weight, dwelt, units, obstacle) == expected


def test_history_of_a_canary():
    """Every ten minutes 300 units a variant: five steps, none skipped, none taken twice."""
    weight, steps = 1.0, [1.0]
    for _ in range(10):
        decision = next_step(weight, 600, {"a": 300, "b": 300}, pace=Pace())
        if isinstance(decision, Complete):
            break
        assert isinstance(decision, Ramp)
        weight = decision.weight
        steps.append(weight)
    assert steps == [1, 5, 25, 50, 100]
