"""What is agreed before a rollout starts: the metric, the guardrails, what may happen without anybody asking.

It is kept with the rollout as a JSON object; what it leaves out has the defaults here. A guardrail of null is off.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace

from twelve.core.errors import UsageError

DAY = 86_400.0
GUARD_WINDOW = 60.0
LATENCY_SLACK = 5.0  # milliseconds, besides the margin: the front door's clock ticks in whole ones
LONGEST_WINDOW = 90 * DAY


@dataclass(frozen=True, slots=True)
class Metric:
    """A number for each unit: the sum of its outcomes' values (`once`: 1 when there was any), or the mean of its
    requests (`per_request`), within `window` seconds of its first request. `bounded` values need no cap."""

    name: str
    window: float = DAY
    higher_is_better: bool = True
    once: bool = False
    per_request: bool = False
    bounded: bool = False


BUILT_IN = {
    "errors": Metric("errors", GUARD_WINDOW, higher_is_better=False, per_request=True, bounded=True),
    "latency": Metric("latency", GUARD_WINDOW, higher_is_better=False, per_request=True),
    "fallback": Metric("fallback", GUARD_WINDOW, higher_is_better=False, per_request=True, bounded=True),
}
RELATIVE = {"latency"}  # its margin is a share of the control's mean
MARGINS = {"errors": 0.01, "latency": 0.2, "fallback": 0.05}


@dataclass(frozen=True, slots=True)
class Plan:
    """`metric` is the name of an outcome, or a built-in one. Times in seconds. `guardrails`: margin by name.

    `planned` units make the interval tightest; with `most` and no decision it is inconclusive. `settle` is how long
    after its window a unit's late lines are waited for.
    """

    metric: str = "errors"
    once: bool = False
    lower_is_better: bool = False
    window: float = DAY
    guard_window: float = GUARD_WINDOW
    guardrails: Mapping[str, float] = field(default_factory=lambda: dict(MARGINS))
    returning: bool = False
    alpha: float = 0.05
    planned: int = 10_000
    most: int = 100_000
    settle: float = 5.0
    auto_stop: bool = True
    auto_promote: bool = False
    canary: bool = False
    dwell: float = 600.0
    step_units: int = 200

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> "Plan":
        """Settings of a newer or older twelve may have names that are not known here; UsageError for wrong values."""
        known = {one.name: getattr(_DEFAULT, one.name) for one in fields(cls)}
        given = {name: _typed(name, settings[name], known[name]) for name in known if settings.get(name) is not None}
        plan = replace(_DEFAULT, **given)  # type: ignore[arg-type]  # each has the type of its default
        _check(plan)
        return plan

    @classmethod
    def agreed(cls, settings: Mapping[str, object]) -> "Plan":
        """Of somebody who starts a rollout now: what is not known here is a slip of the pen."""
        known = [one.name for one in fields(cls)]
        if unknown := sorted(settings.keys() - set(known)):
            from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

            near = get_close_matches(unknown[0], known, 1) or [", ".join(known)]
            raise UsageError(f'"{unknown[0]}" is no setting of a rollout.', hint=f"There is {near[0]}.")
        return cls.of(settings)

    def settings(self) -> dict[str, object]:
        return asdict(self) | {"guardrails": {name: self.guardrails.get(name) for name in BUILT_IN}}

    @property
    def primary(self) -> Metric:
        if built_in := BUILT_IN.get(self.metric):
            return replace(built_in, window=self.guard_window)
        return Metric(self.metric, self.window, not self.lower_is_better, self.once, bounded=self.once)

    @property
    def guards(self) -> Sequence[Metric]:
        return [replace(BUILT_IN[name], window=self.guard_window) for name in self.guardrails]

    @property
    def metrics(self) -> Sequence[Metric]:
        """All that is measured, each once."""
        return list({metric.name: metric for metric in (self.primary, *self.guards)}.values())


_DEFAULT = Plan()


def _typed(name: str, value: object, default: object) -> object:
    if isinstance(default, Mapping):
        return _margins(value)
    wanted = (int, float) if isinstance(default, float) else type(default)
    if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(default, bool)):
        raise UsageError(f"The rollout's {name} cannot be {value!r}.")
    return float(value) if isinstance(default, float) and isinstance(value, (int, float)) else value


def _margins(value: object) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise UsageError("The rollout's guardrails are margins by name.", hint='Such as {"errors": 0.01}.')
    for name, margin in value.items():
        if name not in BUILT_IN:
            raise UsageError(f'"{name}" is no guardrail.', hint=f"There are {', '.join(BUILT_IN)}.")
        number = isinstance(margin, (int, float)) and not isinstance(margin, bool) and math.isfinite(margin)
        if margin is not None and (not number or margin < 0):
            raise UsageError(f"The margin of the guardrail {name} is {margin!r}; it must be 0 or more.")
    return {str(name): float(margin) for name, margin in {**MARGINS, **value}.items() if margin is not None}


def _check(plan: Plan) -> None:
    if not plan.metric or len(plan.metric) > 64:
        raise UsageError("A rollout's metric is the name of an outcome, of 1 to 64 characters.")
    if not 0 < plan.alpha < 0.5:
        raise UsageError(f"The rollout's alpha of {plan.alpha:g} is not between 0 and 0.5.")
    if not (0 < plan.window <= LONGEST_WINDOW and 0 < plan.guard_window <= DAY):
        raise UsageError("A rollout's window lasts more than nothing and at most 90 days, a guardrail's a day.")
    if min(plan.planned, plan.most, plan.step_units) < 1 or min(plan.dwell, plan.settle) < 0:
        raise UsageError("A rollout's numbers of units are 1 or more, its times not below 0.")
