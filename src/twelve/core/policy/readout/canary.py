"""A canary's steps: when the treatment may get more, and when it has everything. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

STEPS = (1.0, 5.0, 25.0, 50.0, 100.0)  # per cent of the buckets


@dataclass(frozen=True, slots=True)
class Pace:
    """`dwell` in seconds; `units` that every variant must have shown before the next step."""

    dwell: float = 600.0
    units: int = 200


@dataclass(frozen=True, slots=True)
class Wait:
    reason: str


@dataclass(frozen=True, slots=True)
class Ramp:
    """To so many per cent."""

    weight: float


@dataclass(frozen=True, slots=True)
class Complete:
    """It has everything and has kept it for long enough: it may be promoted."""


def next_step(
    weight: float, dwelt: float, units: Mapping[str, int], obstacle: str = "", pace: Pace | None = None
) -> Wait | Ramp | Complete:
    """`units` by variant in this phase; `obstacle` is what a reading has against more of it, in words."""
    pace = pace or Pace()
    if obstacle:
        return Wait(obstacle)
    if dwelt < pace.dwell:
        return Wait(f"{pace.dwell - dwelt:.0f} s more at {weight:g} %")
    if weight >= STEPS[-1]:
        return Complete()
    few = [f"{name} has {count}" for name, count in sorted(units.items()) if count < pace.units]
    if few:
        return Wait(f"{' and '.join(few)} of {pace.units} units")
    return Ramp(next(step for step in STEPS if step > weight))
