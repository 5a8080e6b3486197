"""Histories of load replayed against the policy: what it would have done, second by second, without a clock."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twelve.core.errors import UsageError
from twelve.core.formats.duration import milliseconds
from twelve.core.model import Autoscale
from twelve.core.policy.autoscale import GROWTH, Decision, Pace, Sample, check, decide, within

PACE = Pace()
P95 = Autoscale(2, 8, p95=300)
QUEUE = Autoscale(1, 6, queue=10)
LONG_AGO = -1e9


def samples(*values, wish=P95, quantity=2, every=10.0, until=1000.0, requests=100):
    """The last ones before now; a value is the p95 or the open requests, None what could not be measured."""
    begin = until - every * (len(values) - 1)
    return [sample(begin + every * n, value, wish, quantity, requests) for n, value in enumerate(values)]


def sample(at, value, wish, quantity, requests=100):
    if value is None:
        return Sample(at, quantity)
    if wish.queue is not None:
        return Sample(at, quantity, requests, 20.0, value)
    return Sample(at, quantity, requests if value else 0, value or None, 1 if value else 0)


def judged(history, quantity=2, wish=P95, now=1000.0, changed=LONG_AGO):
    return decide(history, now, quantity, wish, changed, PACE)


@pytest.mark.parametrize(
    ("values", "quantity", "wanted"),
    [
        ([], 2, 2),  # nothing is known yet
        ([412], 2, 2),  # once may be chance
        ([412, 412], 2, 3),
        ([412, 280], 2, 2),
        ([412, 280, 412], 2, 2),  # not in a row
        ([100, 290, 301, 302], 2, 3),
        ([9000, 700], 2, 4),  # twice as many at most
        ([450, 9000], 4, 6),  # as the smaller excess asks
        ([9000, 9000], 7, 8),  # never over the range
        ([9000, 9000], 8, 8),
        ([412, None], 2, 2),  # unknown is not slow
        ([None, None], 4, 4),
    ],
)
def test_up_after_two_samples_over_the_target(values, quantity, wanted):
    assert judged(samples(*values, quantity=quantity), quantity).quantity == wanted


def test_the_reason_is_in_words():
    assert judged(samples(400, 412)) == Decision(3, "p95 412 ms > 300 ms")
    assert judged(samples(30, 45, wish=QUEUE), 2, QUEUE) == Decision(3, "22.5 open requests a process > 10")
    calm = samples(*[20] * 40)
    assert judged(calm, 3) == Decision(2, "p95 at most 20 ms for 5 min")
    assert judged(samples(*[0] * 40), 3) == Decision(2, "no requests for 5 min")
    assert judged(samples(*[9] * 40, wish=QUEUE), 3, QUEUE) == Decision(2, "at most 9 open requests for 5 min")
    assert judged([], 9) == Decision(8, "9 is outside 2..8")
    assert judged([], 1) == Decision(2, "1 is outside 2..8")


def test_few_requests_prove_nothing():
    assert judged(samples(900, 900, requests=9)).quantity == 2
    assert judged(samples(900, 900, requests=10)).quantity == 4


def test_old_samples_prove_nothing():
    assert judged(samples(900, 900, until=1000.0), now=1031.0).quantity == 2
    assert judged([*samples(900, until=900.0), *samples(900)]).quantity == 2


@pytest.mark.parametrize(("ago", "wanted"), [(1000.0, 3), (36.0, 3), (24.0, 2), (5.0, 2)])
def test_what_was_measured_before_or_right_after_a_change_does_not_count(ago, wanted):
    assert judged(samples(412, 412, 412, 412), changed=1000.0 - ago).quantity == wanted


@pytest.mark.parametrize(
    ("values", "quantity", "wanted"),
    [
        ([100] * 40, 4, 3),
        ([0] * 40, 4, 3),  # nobody asks for anything
        ([100] * 40, 2, 2),  # the least there may be
        ([100] * 20, 4, 4),  # not for long enough
        ([100] * 20 + [160] + [100] * 19, 4, 4),  # not well below all that time
        ([100] * 20 + [None] + [100] * 19, 4, 4),  # a while nobody knows anything of
        ([149] * 40, 4, 3),
        ([150] * 40, 4, 4),
    ],
)
def test_down_by_one_after_minutes_well_below(values, quantity, wanted):
    assert judged(samples(*values, quantity=quantity), quantity).quantity == wanted


def test_down_only_some_time_after_the_last_change():
    calm = samples(*[100] * 40)
    assert judged(calm, 4, changed=1000 - 59.0).quantity == 4
    assert judged(calm, 4, changed=1000 - 60.0).quantity == 3


def test_requests_that_do_not_end_are_not_calm():
    stuck = [Sample(600.0 + 10 * n, 4, 0, None, 50) for n in range(41)]
    assert judged(stuck, 4).quantity == 4


@pytest.mark.parametrize(("opened", "wanted"), [(14, 2), (15, 3)])
def test_by_queue_those_that_stay_must_have_room(opened, wanted):
    assert judged(samples(*[opened] * 40, wish=QUEUE, quantity=3), 3, QUEUE).quantity == wanted


def replay(load, wish, minutes, quantity, *, every=10.0, deploys=(), capacity=50.0):
    """An app of which each process takes `capacity` requests a second. Gives (time, quantity) of every change."""
    history, changes, changed, now = [], [], 0.0, 0.0
    while now < minutes * 60:
        now += every
        if any(now - every < deploy <= now for deploy in deploys):
            changed = now
        history.append(measured(load(now), now, quantity, capacity))
        wanted = decide(history, now, quantity, wish, changed, PACE).quantity
        assert wish.minimum <= wanted <= wish.maximum
        assert wanted <= GROWTH * quantity
        assert wanted >= quantity - 1
        if wanted != quantity:
            quantity, changed = wanted, now
            changes.append((now, wanted))
    return changes


def measured(rate, now, quantity, capacity):
    """Queueing theory's p95 of one server, and Little's law; None is a time nothing could be measured in."""
    if rate is None:
        return Sample(now, quantity)
    if not rate:
        return Sample(now, quantity, 0, None, 0)
    free = max(0.002, 1 - rate / (quantity * capacity))
    mean = 1000 / capacity / free
    return Sample(now, quantity, int(rate * 10), 3 * mean, round(rate * mean / 1000))


def test_a_spike_is_answered_within_a_minute_and_left_slowly():
    changes = replay(lambda t: 300 if 600 <= t < 900 else 20, P95, 60, 2)
    up = [(at, quantity) for at, quantity in changes if at < 900]
    assert up[0] == (610.0, 4)
    assert up[-1][0] <= 700
    assert up[-1][1] in {7, 8}
    down = [(at, quantity) for at, quantity in changes if at >= 900]
    assert down[0][0] >= 900 + PACE.quiet
    assert all(later - earlier >= PACE.step for (earlier, _), (later, _) in pairwise(down))
    assert changes[-1][1] == 2


def test_slow_growth_only_goes_up():
    changes = replay(lambda t: 20 + t / 12, P95, 60, 2)
    quantities = [quantity for _, quantity in changes]
    assert quantities == sorted(quantities)
    assert quantities[-1] >= 7


def test_load_that_flaps_from_sample_to_sample_moves_nothing():
    assert replay(lambda t: 300 if t % 20 else 10, P95, 60, 3) == []


def test_load_that_flaps_by_the_minute_is_kept_room_for():
    changes = replay(lambda t: 260 if t % 120 < 60 else 10, P95, 120, 2)
    quantities = [quantity for _, quantity in changes]
    assert quantities == sorted(quantities), "it never went down between two waves"
    assert len(changes) <= 4


def test_without_traffic_it_goes_down_to_the_least_and_stays():
    changes = replay(lambda _: 0, P95, 60, 8)
    assert [quantity for _, quantity in changes] == [7, 6, 5, 4, 3, 2]
    assert changes[0][0] >= PACE.quiet - 2 * PACE.sample  # about: a gap of two samples is none


def test_missing_data_moves_nothing():
    assert replay(lambda _: None, P95, 60, 5) == []
    assert replay(lambda t: None if t % 100 == 0 else 5, P95, 60, 5) == []


def test_a_deploy_in_between_makes_it_look_again():
    spike = replay(lambda t: 300 if t >= 600 else 20, P95, 15, 2)
    deployed = replay(lambda t: 300 if t >= 600 else 20, P95, 15, 2, deploys=[605.0])
    assert spike[0][0] == 610.0
    assert deployed[0][0] == 640.0  # two samples that began after the deploy had settled


def test_by_queue_a_spike_is_answered_too():
    changes = replay(lambda t: 220 if 600 <= t < 900 else 5, QUEUE, 60, 1)
    assert changes[0] == (610.0, 2)
    assert max(quantity for _, quantity in changes) >= 5
    assert changes[-1][1] == 1


values = st.one_of(st.none(), st.floats(0, 1e6), st.integers(0, 10_000))
wishes = st.one_of(
    st.builds(
        lambda low, more, p95: Autoscale(low, low + more, p95=p95), *[st.integers(1, 20)] * 2, st.integers(1, 9999)
    ),
    st.builds(lambda low, more, n: Autoscale(low, low + more, queue=n), *[st.integers(1, 20)] * 2, st.integers(1, 99)),
)


@given(st.lists(values, max_size=60), st.integers(0, 60), wishes, st.floats(-1000, 1000))
def test_whatever_was_measured_it_stays_in_the_range(measured_values, quantity, wish, changed):
    history = (
        samples(*[None if v is None else math.floor(v) for v in measured_values], wish=wish, quantity=max(1, quantity))
        if measured_values
        else []
    )
    wanted = judged(history, quantity, wish, changed=changed).quantity
    assert wish.minimum <= wanted <= wish.maximum
    if within(wish, quantity) == quantity:
        assert quantity - 1 <= wanted <= GROWTH * quantity


@pytest.mark.parametrize(
    ("wish", "text"),
    [
        (Autoscale(8, 2, p95=300), "The range 8..2 is backwards. Write 2..8."),
        (Autoscale(0, 2, p95=300), "The range 0..2 is not within 1..999."),
        (Autoscale(1, 1000, p95=300), "The range 1..1000 is not within 1..999."),
        (Autoscale(1, 2), "Autoscale needs one target: p95 or queue. Such as --p95 300ms or --queue 10."),
        (Autoscale(1, 2, 300, 10), "Autoscale needs one target: p95 or queue. Such as --p95 300ms or --queue 10."),
        (Autoscale(1, 2, p95=0), "A p95 of 0 ms cannot be a target: 1 ms to 1 hour."),
        (Autoscale(1, 2, queue=0), "A queue of 0 requests cannot be a target: 1 to 10000."),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_in_one_sentence(wish, text):
    with pytest.raises(UsageError) as refused:
        check(wish)
    assert str(refused.value) == text


@pytest.mark.parametrize(
    ("text", "value"), [("300ms", 300), ("1.5s", 1500), ("2 s", 2000), ("1m", 60_000), ("24h", 86_400_000)]
)
def test_lengths_of_time(text, value):
    assert milliseconds(text) == value


@pytest.mark.parametrize("text", ["300", "", "ms", "-3s", "1w", "1e3ms", "3sec", "300ms\nx"])
def test_a_length_without_its_unit_is_refused(text):
    with pytest.raises(UsageError, match="unit"):
        milliseconds(text)
