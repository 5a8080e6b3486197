"""Sample-ratio mismatch: are the units spread over the variants as the weights say? If not, no effect means anything.

Pearson's chi-square for one look; for many looks an E-value, a Dirichlet-multinomial against the weights (Lindon and
Malek 2022): it stays below 1000 at every look with probability 0.999 when the split is right.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

REFUSED_BELOW = 0.001  # the p-value of one look
BLOCKED_FROM = math.log(1000)  # ln E of many looks
CONCENTRATION = 100.0


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """`p` is for one look at any time, `log_e` for who looks again and again."""

    p: float
    log_e: float

    @property
    def refused(self) -> bool:
        return self.p < REFUSED_BELOW

    @property
    def blocked(self) -> bool:
        return self.log_e >= BLOCKED_FROM


def check(counts: Mapping[str, int], weights: Mapping[str, float]) -> SampleRatio:
    """Units by variant; `weights` are relative, those of 0 are left out. Fewer than two variants cannot mismatch."""
    names = [name for name, weight in weights.items() if weight > 0]
    total = sum(weights[name] for name in names)
    found = [counts.get(name, 0) for name in names]
    expected = [weights[name] / total for name in names]
    if len(names) < 2 or not any(found):
        return SampleRatio(1.0, 0.0)
    return SampleRatio(p_value(chi_square(found, expected), len(names) - 1), log_e(found, expected))


def chi_square(counts: list[int], shares: list[float]) -> float:
    total = sum(counts)
    return sum((count - total * share) ** 2 / (total * share) for count, share in zip(counts, shares, strict=True))


def p_value(x: float, freedom: int) -> float:
    """P(chi-square with this many degrees of freedom > x), by the recursion from 1 or 2 of them."""
    half = x / 2
    at, p = (1, math.erfc(math.sqrt(half))) if freedom % 2 else (2, math.exp(-half))
    while at < freedom:
        p += math.exp(at / 2 * math.log(half) - half - math.lgamma(at / 2 + 1)) if half else 0.0
        at += 2
    return min(1.0, p)


def log_e(counts: list[int], shares: list[float], concentration: float = CONCENTRATION) -> float:
    result = math.lgamma(concentration) - math.lgamma(concentration + sum(counts))
    for count, share in zip(counts, shares, strict=True):
        prior = concentration * share
        result += math.lgamma(prior + count) - math.lgamma(prior) - count * math.log(share)
    return result
