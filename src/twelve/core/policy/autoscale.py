"""How many processes an app should have, from what was measured of late. Pure: the caller measures and acts.

Up fast: two samples in a row over the target. Down slowly: every sample of several minutes well below it, and then one
process at a time. What was measured before the last change, or too soon after it, says nothing about how it is now.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from twelve.core.errors import UsageError
from twelve.core.model.process import Autoscale
from twelve.core.policy.numbers import HIGHEST

IN_A_ROW = 2  # samples over the target
GROWTH = 2  # times as many at most, in one step
WELL_BELOW = 0.5  # of the target, for latency
FULL = 0.7  # of the target, that the processes which stay may be filled to
LONGEST = 3_600_000  # milliseconds


@dataclass(frozen=True, slots=True)
class Pace:
    """In seconds, but for `few`: with fewer requests in a sample, a slow one may be chance."""

    sample: float = 10.0  # between two of them; each is about the time since the one before
    settle: float = 15.0  # after a change, until samples count again
    quiet: float = 300.0  # well below the target, until one process is taken away
    step: float = 60.0  # between that and the next one
    few: int = 10


@dataclass(frozen=True, slots=True)
class Sample:
    """`p95` in milliseconds, None without requests. `open` requests; None when nothing could be measured at all."""

    at: float
    quantity: int
    requests: int = 0
    p95: float | None = None
    open: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The reason is in words, for the app's log."""

    quantity: int
    reason: str


def check(wish: Autoscale) -> None:
    if not 1 <= wish.minimum <= wish.maximum <= HIGHEST:
        backwards = wish.minimum > wish.maximum
        problem = "is backwards" if backwards else f"is not within 1..{HIGHEST}"
        advice = f"Write {wish.maximum}..{wish.minimum}." if backwards else ""
        raise UsageError(f"The range {wish.minimum}..{wish.maximum} {problem}.", hint=advice)
    if (wish.p95 is None) == (wish.queue is None):
        raise UsageError("Autoscale needs one target: p95 or queue.", hint="Such as --p95 300ms or --queue 10.")
    if wish.p95 is not None and not 1 <= wish.p95 <= LONGEST:
        raise UsageError(f"A p95 of {wish.p95} ms cannot be a target: 1 ms to 1 hour.")
    if wish.queue is not None and not 1 <= wish.queue <= 10_000:
        raise UsageError(f"A queue of {wish.queue} requests cannot be a target: 1 to 10000.")


def within(wish: Autoscale, quantity: int) -> int:
    return max(wish.minimum, min(wish.maximum, quantity))


def decide(
    samples: Sequence[Sample], now: float, quantity: int, wish: Autoscale, changed: float, pace: Pace
) -> Decision:
    """`samples` oldest first. `changed`: when the quantity or the release changed last, whoever did it."""
    if quantity != within(wish, quantity):
        return Decision(within(wish, quantity), f"{quantity} is outside {wish.minimum}..{wish.maximum}")
    fresh = [sample for sample in samples if sample.at >= changed + pace.settle]
    if _overloaded(fresh, now, wish, pace):
        return _up(fresh[-IN_A_ROW:], quantity, wish)
    if quantity > wish.minimum and now >= changed + pace.step and _calm(samples, now, quantity, wish, pace):
        return Decision(quantity - 1, _why_down(samples, now, wish, pace))
    return Decision(quantity, "as it should be")


def _overloaded(fresh: Sequence[Sample], now: float, wish: Autoscale, pace: Pace) -> bool:
    last = fresh[-IN_A_ROW:]
    if len(last) < IN_A_ROW or last[0].at < now - (IN_A_ROW + 1) * pace.sample:
        return False
    return all(_over(sample, wish, pace) for sample in last)


def _over(sample: Sample, wish: Autoscale, pace: Pace) -> bool:
    if wish.queue is not None:
        return _load(sample) > wish.queue
    return sample.p95 is not None and sample.requests >= pace.few and sample.p95 > (wish.p95 or 0)


def _up(last: Sequence[Sample], quantity: int, wish: Autoscale) -> Decision:
    """As many as the smaller excess asks for; twice as many at most."""
    wanted = max(quantity + 1, math.ceil(quantity * min(_excess(sample, wish) for sample in last)))
    return Decision(within(wish, min(wanted, GROWTH * quantity)), _why_up(last[-1], wish))


def _excess(sample: Sample, wish: Autoscale) -> float:
    if wish.queue is not None:
        return _load(sample) / wish.queue
    return (sample.p95 or 0.0) / (wish.p95 or 1)


def _load(sample: Sample) -> float:
    """Open requests for each process."""
    return (sample.open or 0) / max(1, sample.quantity)


def _calm(samples: Sequence[Sample], now: float, quantity: int, wish: Autoscale, pace: Pace) -> bool:
    """All that time, without a gap: a while of which nothing is known does not count as calm."""
    begin = now - pace.quiet
    window = [sample for sample in samples if sample.at >= begin]
    times = [begin, *(sample.at for sample in window), now]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return max(gaps) <= 2 * pace.sample and all(_below(sample, quantity, wish) for sample in window)


def _below(sample: Sample, quantity: int, wish: Autoscale) -> bool:
    """Well below the target, so far that one process less is enough. Requests that do not end are no calm."""
    if sample.open is None:
        return False
    if wish.queue is not None:
        return sample.open <= FULL * wish.queue * (quantity - 1)
    if sample.p95 is None:
        return sample.open == 0
    return sample.p95 < WELL_BELOW * (wish.p95 or 0)


def _why_up(sample: Sample, wish: Autoscale) -> str:
    if wish.queue is not None:
        return f"{_load(sample):.1f} open requests a process > {wish.queue}"
    return f"p95 {sample.p95 or 0:.0f} ms > {wish.p95} ms"


def _why_down(samples: Sequence[Sample], now: float, wish: Autoscale, pace: Pace) -> str:
    window = [sample for sample in samples if sample.at >= now - pace.quiet]
    length = f"{pace.quiet / 60:g} min" if pace.quiet >= 60 else f"{pace.quiet:g} s"
    if wish.queue is not None:
        return f"at most {max(sample.open or 0 for sample in window)} open requests for {length}"
    highest = max((sample.p95 for sample in window if sample.p95 is not None), default=None)
    return f"no requests for {length}" if highest is None else f"p95 at most {highest:.0f} ms for {length}"
