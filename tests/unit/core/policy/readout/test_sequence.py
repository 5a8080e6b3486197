import pytest
from hypothesis import given
from hypothesis import strategies as st

from twelve.core.policy.readout import sequence
from twelve.core.policy.readout.sequence import Arm


def of_successes(successes, n):
    share = successes / n
    return Arm(n, share, share * (1 - share) * n / (n - 1), successes)


def test_gain():
    assert sequence.gain(0.05) == pytest.approx(7.936154601737565, rel=1e-15)
    assert sequence.gain(0.01) == pytest.approx(11.533741340715224, rel=1e-15)


def test_half_widths():
    assert sequence.tuning(4e-5, 0.05) == pytest.approx(3.174462e-4, rel=1e-6)
    assert sequence.half_width(4e-5, 4e-5, 0.05) == pytest.approx(0.01919635, abs=5e-9)
    assert sequence.half_width(1e-4, 4e-5, 0.05) == pytest.approx(0.03123779, abs=5e-9)
    assert sequence.half_width(1e-5, 4e-5, 0.05) == pytest.approx(0.00988880, abs=5e-9)


@pytest.mark.parametrize(
    ("control", "treatment", "planned", "delta", "variance", "low", "high"),
    [
        ((900, 9000), (140, 1000), 1e-4, 0.04, 1.308604e-4, 0.0051954, 0.0748046),
        ((500, 5000), (640, 5000), 3.6e-5, 0.028, 4.249330e-5, 0.0081947, 0.0478053),
        ((2000, 20000), (2000, 20000), 3.6e-5, 0, None, -0.00938156, 0.00938156),
    ],
)
def test_intervals(control, treatment, planned, delta, variance, low, high):
    a, b = of_successes(*control), of_successes(*treatment)
    found = sequence.interval(a, b, planned, 0.05)
    assert found.delta == pytest.approx(delta, abs=1e-12)
    assert found.low == pytest.approx(low, abs=6e-8)
    assert found.high == pytest.approx(high, abs=6e-8)
    if variance:
        assert sequence.difference_variance(a, b) == pytest.approx(variance, rel=1e-6)


small = st.floats(1e-8, 10, allow_nan=False)
arms = st.builds(Arm, n=st.integers(100, 10**6), mean=st.floats(-10, 10), variance=st.floats(1e-6, 100))


@given(small, small, st.sampled_from([0.01, 0.05, 0.2]))
def test_wider_than_an_interval_for_one_look(variance, planned, alpha):
    quantile = {0.01: 2.576, 0.05: 1.96, 0.2: 1.282}[alpha]
    assert sequence.half_width(variance, planned, alpha) > quantile * variance**0.5


@given(small, st.floats(1.01, 100), small)
def test_more_units_make_it_narrower(variance, factor, planned):
    assert sequence.half_width(variance / factor, planned, 0.05) < sequence.half_width(variance, planned, 0.05)


@given(small, st.floats(0.01, 100))
def test_tightest_where_it_was_planned_to_be(planned, elsewhere):
    here = sequence.half_width(planned, planned, 0.05)
    assert here <= sequence.half_width(planned, planned * elsewhere, 0.05) * 1.003


@given(arms, arms, small)
def test_turned_around_it_is_its_mirror(a, b, planned):
    there, back = sequence.interval(a, b, planned, 0.05), sequence.interval(b, a, planned, 0.05)
    assert there.delta == -back.delta
    assert there.low == pytest.approx(-back.high, rel=1e-9, abs=1e-12)


@given(arms, arms)
def test_a_small_arm_that_varies_little_by_chance_gets_the_pooled_variance(a, b):
    pooled = sequence.pooled_variance(a, b)
    assert sequence.difference_variance(a, b) >= pooled / a.n + pooled / b.n - 1e-12


def test_all_of_one_and_none_of_the_other():
    """Nothing varies within a variant; the difference is certain all the same, once there are enough units."""
    none, all_ = of_successes(0, 200), of_successes(200, 200)
    assert sequence.interval(none, all_, 1e-4, 0.05).low > 0.5
    assert sequence.interval(none, of_successes(0, 200), 1e-4, 0.05) == sequence.Interval(0, 0, 0)
