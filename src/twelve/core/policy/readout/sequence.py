"""The interval of a difference that holds at every look: an asymptotic confidence sequence with a normal mixture.

Robbins; Howard et al. 2021; Waudby-Smith et al. 2024. Two things keep it honest where one variant is small and the
metric skewed: no variance below the pooled one (here), and values capped (decision.py, the caller's query).
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arm:
    """What is known of one variant's units: how many, their mean, their sample variance, how many are not zero."""

    n: int
    mean: float = 0.0
    variance: float = 0.0
    nonzero: int = 0


@dataclass(frozen=True, slots=True)
class Interval:
    """Of treatment minus control."""

    delta: float
    low: float
    high: float


def interval(control: Arm, treatment: Arm, planned: float, alpha: float) -> Interval:
    """`planned` is the variance of the difference where the interval shall be tightest: of an effect on its validity
    it has none, as long as it is fixed before the first look."""
    delta = treatment.mean - control.mean
    half = half_width(difference_variance(control, treatment), planned, alpha)
    return Interval(delta, delta - half, delta + half)


def half_width(variance: float, planned: float, alpha: float) -> float:
    if variance <= 0:
        return 0.0
    mixture = tuning(planned, alpha)
    both = variance + mixture
    return math.sqrt(variance * both / mixture * (2 * math.log(1 / alpha) + math.log(both / variance)))


def tuning(planned: float, alpha: float) -> float:
    """The variance of the mixture that makes the interval tightest at `planned`."""
    return gain(alpha) * planned


def gain(alpha: float) -> float:
    return -2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))


def difference_variance(control: Arm, treatment: Arm) -> float:
    pooled = pooled_variance(control, treatment)
    return max(control.variance, pooled) / control.n + max(treatment.variance, pooled) / treatment.n


def planned_variance(variance: float, shares: tuple[float, float], units: int) -> float:
    """Of the difference, when both variants have their share of so many units."""
    return variance * sum(1 / (share * units) for share in shares)


def pooled_variance(*arms: Arm) -> float:
    """Within the variants; where nothing varies there, of all units together: all of one and none of the other."""
    freedom = sum(arm.n - 1 for arm in arms)
    if freedom < 1:
        return 0.0
    within = sum((arm.n - 1) * arm.variance for arm in arms) / freedom
    return within or _between(*arms)


def _between(*arms: Arm) -> float:
    n = sum(arm.n for arm in arms)
    mean = sum(arm.n * arm.mean for arm in arms) / n
    return sum(arm.n * (arm.mean - mean) ** 2 for arm in arms) / (n - 1)
