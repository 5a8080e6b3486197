import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twelve.core.policy.readout import srm


@pytest.mark.parametrize(
    ("counts", "weights", "x", "p", "log_e"),
    [
        ((9000, 1100), (90, 10), 8.910891, 0.00283475, 1.94314),
        ((5100, 4900), (50, 50), 4.0, 0.0455003, -0.32951),
    ],
)
def test_vectors(counts, weights, x, p, log_e):
    total = sum(weights)
    assert srm.chi_square(list(counts), [w / total for w in weights]) == pytest.approx(x, rel=1e-6)
    found = srm.check(dict(zip("ab", counts, strict=True)), dict(zip("ab", weights, strict=True)))
    assert found.p == pytest.approx(p, rel=1e-5)
    assert found.log_e == pytest.approx(log_e, abs=1e-5)


@pytest.mark.parametrize(  # upper tails of tables
    ("x", "freedom", "p"),
    [(3.841459, 1, 0.05), (5.991465, 2, 0.05), (7.814728, 3, 0.05), (11.344867, 3, 0.01), (18.307038, 10, 0.05)],
)
def test_chi_square_with_more_variants(x, freedom, p):
    assert srm.p_value(x, freedom) == pytest.approx(p, rel=1e-5)
    assert srm.p_value(0, freedom) == 1


def test_a_clear_mismatch_is_refused_and_blocked():
    found = srm.check({"a": 5200 * 4, "b": 4800 * 4}, {"a": 50, "b": 50})
    assert found.refused
    assert found.blocked


@pytest.mark.parametrize(
    ("counts", "weights"),
    [
        ({}, {"a": 50, "b": 50}),  # nobody came yet
        ({"a": 7}, {"a": 100}),  # nothing to compare
        ({"a": 3, "b": 900}, {"a": 0, "b": 100}),  # a variant without weight is not looked at
    ],
)
def test_nothing_to_tell(counts, weights):
    assert srm.check(counts, weights) == srm.SampleRatio(1.0, 0.0)


@given(st.lists(st.integers(0, 5000), min_size=2, max_size=5), st.permutations(range(5)))
def test_the_order_of_variants_does_not_matter(counts, order):
    shares = [1 / len(counts)] * len(counts)
    turned = [counts[place] for place in order if place < len(counts)]
    assert srm.log_e(turned, shares) == pytest.approx(srm.log_e(counts, shares), abs=1e-6)


@given(st.integers(1, 40))
def test_e_is_a_fair_bet(n):
    """Its mean over all that can happen with n units is 1 when the split is right: nobody wins against it."""
    share = 0.3
    outcomes = [(k, math.comb(n, k) * share**k * (1 - share) ** (n - k)) for k in range(n + 1)]
    mean = sum(p * math.exp(srm.log_e([k, n - k], [share, 1 - share])) for k, p in outcomes)
    assert mean == pytest.approx(1, rel=1e-9)
