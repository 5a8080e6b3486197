"""How long requests took, in buckets of whole milliseconds: exact counts below each edge, quantiles within 5 %.

Bucket n holds what took longer than EDGES[n - 1] and at most EDGES[n]; the last one everything that took longer still.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from twelve.core.model.metrics import Latency


def _edges() -> tuple[int, ...]:
    """Whole milliseconds up to 30, then ten steps to each factor of 2 to 2.5, up to 100 s."""
    first = [*range(31), *range(32, 50, 2), *range(50, 100, 5)]
    decades = [*range(10, 30), *range(30, 50, 2), *range(50, 100, 5)]
    return (*first, *(edge * factor for factor in (10, 100, 1000) for edge in decades), 100_000)


EDGES = _edges()
BOUNDS = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000)  # those that are published; each is an edge


def bucket(milliseconds: int) -> int:
    return bisect_left(EDGES, milliseconds)


def quantile(latency: Latency, share: float) -> float | None:
    """In milliseconds, such that this share of all requests took at most as long; None without requests."""
    wanted = share * latency.count
    below = 0
    for number, count in sorted(latency.buckets.items()):
        if below + count >= wanted and count:
            low = EDGES[number - 1] if number else 0
            high = EDGES[number] if number < len(EDGES) else EDGES[-1]
            return low + (high - low) * (wanted - below) / count
        below += count
    return None


def at_most(latency: Latency, bounds: Sequence[int] = BOUNDS) -> list[int]:
    """How many took at most each of these milliseconds."""
    return [sum(count for number, count in latency.buckets.items() if number <= bucket(bound)) for bound in bounds]


def merged(parts: Sequence[Latency]) -> Latency:
    buckets: dict[int, int] = {}
    for part in parts:
        for number, count in part.buckets.items():
            buckets[number] = buckets.get(number, 0) + count
    return Latency(buckets, sum(part.total for part in parts))


def since(now: Latency, before: Latency) -> Latency:
    """What came between two looks at the same counters."""
    fresh: Mapping[int, int] = {
        number: more for number, count in now.buckets.items() if (more := count - before.buckets.get(number, 0)) > 0
    }
    return Latency(fresh, max(0.0, now.total - before.total))
