import random

import pytest

from twelve.core.model.metrics import Latency
from twelve.core.policy import latency
from twelve.core.policy.latency import BOUNDS, EDGES, at_most, bucket, merged, quantile, since


def of(*times):
    counts = {}
    for time in times:
        counts[bucket(time)] = counts.get(bucket(time), 0) + 1
    return Latency(counts, float(sum(times)))


def test_edges_ascend_and_every_published_bound_is_one():
    assert list(EDGES) == sorted(set(EDGES))
    assert set(BOUNDS) <= set(EDGES)


@pytest.mark.parametrize("time", [0, 1, 29, 30, 31, 99, 100, 101, 999, 1000, 12_345, 99_999, 100_000, 10**7])
def test_a_bucket_holds_what_took_at_most_as_long_as_its_edge(time):
    number = bucket(time)
    assert number == len(EDGES) or time <= EDGES[number]
    assert number == 0 or time > EDGES[number - 1]


def test_counts_up_to_a_bound_are_exact():
    times = [0, 5, 6, 10, 11, 25, 250, 251, 30_000, 30_001, 500_000]
    assert at_most(of(*times)) == [sum(time <= bound for time in times) for bound in BOUNDS]


def test_nothing_is_known_of_no_requests():
    assert quantile(Latency(), 0.95) is None
    assert at_most(Latency()) == [0] * len(BOUNDS)


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("mean", [8, 120, 1500, 40_000])
def test_quantiles_are_within_five_percent_or_a_millisecond(share, mean):
    dice = random.Random(12)
    times = sorted(min(99_000, int(dice.lognormvariate(0, 0.7) * mean)) for _ in range(4000))
    true = times[int(share * len(times)) - 1]
    assert quantile(of(*times), share) == pytest.approx(true, rel=0.05, abs=1)


def test_the_longest_known_time_stands_for_all_longer_ones():
    assert quantile(of(10**9), 0.5) == EDGES[-1]


def test_two_looks_give_what_came_between():
    before, now = of(1, 5, 5), of(1, 5, 5, 5, 700)
    assert since(now, before) == of(5, 700)
    assert merged([before, since(now, before)]) == now
    assert since(before, before) == Latency()
    assert latency.quantile(since(now, before), 1.0) == pytest.approx(700)
