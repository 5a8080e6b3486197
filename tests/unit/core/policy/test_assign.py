"""Who belongs to which variant: the normative vectors, and that no ramp ever moves anybody back."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twelve.core.errors import UsageError
from twelve.core.model.rollout import BUCKETS, Variant
from twelve.core.policy import assign

CONTROL = Variant("a", 12)


@pytest.mark.parametrize(
    ("salt", "unit", "expected"),
    [
        ("exp1", "u1", 896),
        ("exp1", "user-0", 3588),
        ("exp1", "ü-ñ", 9368),
        ("checkout-ranker.1", "42", 9068),
        ("checkout-ranker.1", "43", 1354),
        ("checkout-ranker.2", "42", 3234),
    ],
)
def test_the_normative_vectors(salt, unit, expected):
    assert assign.bucket(salt, unit) == expected


@settings(deadline=None)
@given(st.text(), st.text())
def test_bucket_and_hash_follow_the_formula(salt, unit):
    digest = hashlib.sha256(f"{salt}:{unit}".encode()).hexdigest()
    assert assign.bucket(salt, unit) == int(digest[:14], 16) % 10_000
    assert assign.unit_hash(salt, unit) == digest[:32]


@st.composite
def ramps(draw):
    """Some treatments, and steps that each give some of them more, all together at most everything."""
    count = draw(st.integers(1, 4))
    left, steps = BUCKETS, []
    weights = {"bcde"[number]: 0 for number in range(count)}
    for _ in range(draw(st.integers(1, 6))):
        for name in draw(st.sets(st.sampled_from(sorted(weights)))):
            more = draw(st.integers(0, left))
            weights[name] += more
            left -= more
        steps.append(dict(weights))
    return steps


def owners(variants):
    return [assign.owner(variants, number).name for number in range(0, BUCKETS, 31)]


@settings(deadline=None)  # on a busy machine
@given(ramps())
def test_a_ramp_moves_units_only_from_the_control_to_a_treatment(steps):
    variants = (CONTROL, *(Variant(name, 13) for name in steps[0]))
    for weights in steps:
        before = owners(variants)
        variants = assign.ramp(variants, weights)
        assert {variant.name: variant.buckets for variant in variants[1:]} == weights
        assert all(old in {"a", new} for old, new in zip(before, owners(variants), strict=True))
    taken = sorted(one for variant in variants for one in variant.ranges)
    assert all(first <= last for first, last in taken)
    assert all(one[1] < other[0] for one, other in pairwise(taken)), "ranges do not overlap"


@settings(deadline=None)
@given(ramps())
def test_free_and_owned_buckets_are_all_there_are(steps):
    variants = assign.ramp((CONTROL, *(Variant(name, 13) for name in steps[0])), steps[-1])
    everybody = [*assign.free(variants), *(one for variant in variants for one in variant.ranges)]
    assert sum(last - first + 1 for first, last in everybody) == BUCKETS


def test_a_treatment_takes_the_lowest_buckets_that_are_left():
    variants = assign.ramp((CONTROL, Variant("b", 13)), {"b": 1000})
    assert variants[1].ranges == ((0, 999),)
    variants = assign.ramp((*variants, Variant("c", 14)), {"c": 500})
    assert variants[2].ranges == ((1000, 1499),)
    variants = assign.ramp(variants, {"b": 3000})
    assert variants[1].ranges == ((0, 999), (1500, 3499))


def test_nobody_shrinks():
    variants = assign.ramp((CONTROL, Variant("b", 13)), {"b": 1000})
    with pytest.raises(UsageError, match=r"b has 10 % and cannot get less"):
        assign.ramp(variants, {"b": 999})


def test_nobody_gets_more_than_there_is():
    with pytest.raises(UsageError, match=r"more than 100 %"):
        assign.ramp((CONTROL, Variant("b", 13), Variant("c", 14)), {"b": 6000, "c": 4001})


def test_shares_are_dealt_as_weighted():
    variants = assign.ramp((CONTROL, Variant("b", 13)), {"b": 1000})
    found = sum(assign.assigned(variants, "exp1", f"user-{number}").name == "b" for number in range(20_000))
    assert 1890 <= found <= 2110, "2000 within the 99 % interval"
