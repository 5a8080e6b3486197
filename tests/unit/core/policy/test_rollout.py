"""What somebody may ask of a rollout."""

import pytest

from twelve.core.errors import UsageError
from twelve.core.model.rollout import Unit, Variant
from twelve.core.policy import rollout


@pytest.mark.parametrize(("text", "buckets"), [("10", 1000), ("0.5", 50), ("0.05%", 5), ("100", 10_000), ("0", 0)])
def test_a_share(text, buckets):
    assert rollout.share(text) == buckets


@pytest.mark.parametrize("text", ["", "-1", "101", "100.01", "0.005", "ten", "1e1"])
def test_no_share(text):
    with pytest.raises(UsageError, match="is not a share"):
        rollout.share(text)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("header:X-User-Id", "header:x-user-id"),
        ("cookie:uid", "cookie:uid"),
        ("query:User", "query:User"),
        ("json:$.user.id", "json:$.user.id"),
    ],
)
def test_where_a_unit_is(text, source):
    assert rollout.unit(text) == Unit(source)


@pytest.mark.parametrize(
    "text", ["", "header:", "header:a b", "header:a|b", "body:x", "json:user", "json:$.a|b", "cookie:a;b", "query:a\nb"]
)
def test_where_no_unit_can_be(text):
    with pytest.raises(UsageError, match=r"is not where a unit can be|needs to know whose"):
        rollout.unit(text)


def test_a_rollout_begins():
    variants = rollout.opening(12, {12: 9000, 13: 1000}, {13: 3})
    assert variants == (Variant("a", 12), Variant("b", 13, ((0, 999),), 3))


def test_the_control_may_be_left_out():
    assert rollout.opening(12, {13: 1000, 14: 500}, {})[2] == Variant("c", 14, ((1000, 1499),))


@pytest.mark.parametrize(
    ("shares", "problem"),
    [({12: 9000, 13: 900}, "add up to 99 %"), ({13: 9000, 14: 2000}, "more than 100 %")],
)
def test_shares_that_cannot_be(shares, problem):
    with pytest.raises(UsageError, match=problem):
        rollout.opening(12, shares, {})


def test_a_ramp_may_bring_a_release():
    variants = rollout.opening(12, {13: 1000}, {})
    after = rollout.grown(variants, {14: 500})
    assert [variant.name for variant in after] == ["a", "b", "c"]
    assert after[1] == variants[1]


def test_a_ramp_names_the_control_rightly_or_not_at_all():
    variants = rollout.opening(12, {13: 1000}, {})
    assert rollout.grown(variants, {12: 7000, 13: 3000}) == rollout.grown(variants, {13: 3000})
    with pytest.raises(UsageError, match=r"v12 would have 70 %, not 90 %"):
        rollout.grown(variants, {12: 9000, 13: 3000})


@pytest.mark.parametrize(
    ("buckets", "formation", "expected"), [(1000, 1, 1), (1000, 10, 1), (1001, 10, 2), (10_000, 4, 4), (0, 4, 1)]
)
def test_processes_by_weight(buckets, formation, expected):
    ranges = ((0, buckets - 1),) if buckets else ()
    assert rollout.processes(Variant("b", 13, ranges), formation) == expected


def test_numbers_of_a_variant_collide_with_nobody():
    assert rollout.numbers(1, 2) == [10_001, 10_002]
    assert rollout.numbers(2, 1) == [20_001]
    assert [rollout.place_of(number) for number in (1, 999, 9999, 10_001, 20_999)] == [0, 0, 0, 1, 2]
