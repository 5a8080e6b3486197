import pytest

from twelve.core.policy.readout.tripwire import Tally, tripped


@pytest.mark.parametrize(
    ("treatment", "control", "stops"),
    [
        (Tally(20, 10), Tally(), True),  # half of the fewest that count
        (Tally(19, 19), Tally(), False),  # too few to say anything
        (Tally(20, 9), Tally(), False),
        (Tally(20, 20), Tally(500, 500), True),  # the control fails too: stopping one variant makes nothing worse
        (Tally(500, 25), Tally(1000, 10), True),  # 5 % against 1 %
        (Tally(500, 25), Tally(1000, 11), False),  # not five times as many
        (Tally(500, 24), Tally(1000, 0), False),  # under 5 %
        (Tally(499, 100), Tally(1000, 0), False),
        (Tally(), Tally(), False),
    ],
)
def test_table(treatment, control, stops):
    assert (tripped(treatment, control) is not None) == stops


def test_the_reason_has_the_figures():
    assert tripped(Tally(30, 30), Tally()) == "30 of its 30 requests failed in the last 60 s"
    assert "control's share is 1.0%" in (tripped(Tally(500, 100), Tally(100, 1)) or "")
