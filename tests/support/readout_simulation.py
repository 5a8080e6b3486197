"""How often a read-out is wrong, and how often it finds what is there: rollouts played many times with a fixed seed.

Each run has its units in random order; somebody looks 50 times, evenly spread, and decides at each look with the very
functions of the platform. Beside it the t-test that most people would repeat at each look.
"""

from dataclasses import dataclass, replace

import numpy as np

from twelve.core.policy.readout import srm
from twelve.core.policy.readout.decision import Frozen, Measure, Reading, Status, burnt_in, decide
from twelve.core.policy.readout.plan import BUILT_IN, Metric, Plan
from twelve.core.policy.readout.sequence import Arm, pooled_variance
from twelve.core.policy.readout.srm import SampleRatio

LOOKS, UNITS = 50, 20_000
SEED = 12
RIGHT_SPLIT = SampleRatio(1.0, 0.0)
ENDS = {Status.WINNER, Status.ROLLBACK}
ONCE = Metric("click", once=True, bounded=True)
SUM = Metric("revenue")
ERRORS = BUILT_IN["errors"]


@dataclass(frozen=True)
class Cell:
    """`share` of the units is treated; `rates` are the chances of an outcome without and with treatment."""

    name: str
    share: float
    rates: tuple[float, float]
    skewed: bool = False


@dataclass
class Result:
    """Of all runs: those with a decision, how many units the median one had then, and those the t-test had "found"."""

    found: float
    naive: float
    median_units: float


ALIKE = [
    Cell("binary 50/50", 0.5, (0.1, 0.1)),
    Cell("binary 90/10", 0.1, (0.1, 0.1)),
    Cell("skewed 50/50", 0.5, (0.2, 0.2), skewed=True),
    Cell("skewed 90/10", 0.1, (0.2, 0.2), skewed=True),
]
BETTER = [Cell("10 % to 13 % 50/50", 0.5, (0.1, 0.13)), Cell("10 % to 13 % 90/10", 0.1, (0.1, 0.13))]


def play(cell: Cell, runs: int, seed: int = SEED) -> Result:
    rng = np.random.default_rng([seed, int(cell.share * 100), cell.skewed, int(cell.rates[1] * 100)])
    ends = [_run(cell, rng) for _ in range(runs)]
    stops = [stop for stop, _ in ends if stop is not None]
    return Result(len(stops) / runs, sum(naive for _, naive in ends) / runs, float(np.median(stops)) if stops else 0.0)


@dataclass(frozen=True)
class SplitResult:
    """Of all runs: how often the E-value blocked, how many units the median one had then; the test at each look."""

    blocked: float
    median_units: float
    refused: float


def play_split(said: float, real: float, runs: int, seed: int = SEED) -> SplitResult:
    """A treatment that should have a share of the units and has another."""
    rng = np.random.default_rng([seed, int(real * 100)])
    looks = _looks()
    stops, refused = [], 0
    for _ in range(runs):
        treated = np.cumsum(rng.random(UNITS) < real)[looks - 1]
        ratios = [
            srm.check({"a": int(n - b), "b": int(b)}, {"a": 1 - said, "b": said})
            for n, b in zip(looks, treated, strict=True)
        ]
        refused += any(ratio.refused for ratio in ratios)
        stops += [int(n) for n, ratio in zip(looks, ratios, strict=True) if ratio.blocked][:1]
    return SplitResult(len(stops) / runs, float(np.median(stops)) if stops else 0.0, refused / runs)


def play_guardrail(rates: tuple[float, float], share: float, margin: float, runs: int, seed: int = SEED) -> float:
    """How often a guardrail on rare errors was found broken."""
    rng = np.random.default_rng([seed, int(rates[1] * 10_000)])
    return sum(_is_broken(rates, share, margin, rng) for _ in range(runs)) / runs


def _is_broken(rates: tuple[float, float], share: float, margin: float, rng: np.random.Generator) -> bool:
    treated = rng.random(UNITS) < share
    failed = (rng.random(UNITS) < np.where(treated, rates[1], rates[0])).astype(float)
    plan, frozen = Plan(guardrails={"errors": margin}), None
    for arms in _arms(failed, treated, _looks()):
        guard = Measure(ERRORS, arms, frozen)
        if frozen is None and burnt_in(guard, "ab", guard=True):
            frozen = Frozen(pooled_variance(*arms.values()))
        reading = Reading(
            {"a": 1 - share, "b": share}, {}, RIGHT_SPLIT, Measure(ONCE, {}), [replace(guard, frozen=frozen)]
        )
        if decide(reading, plan).status == Status.ROLLBACK:
            return True
    return False


def _looks() -> np.ndarray:
    return np.linspace(UNITS // LOOKS, UNITS, LOOKS).astype(int)


def _run(cell: Cell, rng: np.random.Generator) -> tuple[int | None, bool]:
    treated = rng.random(UNITS) < cell.share
    values = (rng.random(UNITS) < np.where(treated, cell.rates[1], cell.rates[0])).astype(float)
    if cell.skewed:
        values *= rng.lognormal(0, 1.5, UNITS)
    metric = SUM if cell.skewed else ONCE
    looks = _looks()
    raw = _arms(values, treated, looks)
    start = next((n for n, arms in enumerate(raw) if burnt_in(Measure(metric, arms), "ab", guard=False)), LOOKS)
    if start == LOOKS:
        return None, _naive(raw)
    cap = float(np.quantile(values[: looks[start]], 0.99)) if cell.skewed else None
    capped = _arms(np.minimum(values, cap), treated, looks) if cap is not None else raw
    frozen = Frozen(pooled_variance(*capped[start].values()), cap)
    weights = {"a": 1 - cell.share, "b": cell.share}
    plan = Plan(metric=metric.name, once=not cell.skewed, most=10**9)
    for units, arms in zip(looks[start:], capped[start:], strict=True):
        reading = Reading(weights, {}, RIGHT_SPLIT, Measure(metric, arms, frozen))
        if decide(reading, plan).status in ENDS:
            return int(units), _naive(raw)
    return None, _naive(raw)


def _arms(values: np.ndarray, treated: np.ndarray, looks: np.ndarray) -> list[dict[str, Arm]]:
    a, b = (_arm(values, chosen, looks) for chosen in (~treated, treated))
    return [{"a": one, "b": other} for one, other in zip(a, b, strict=True)]


def _arm(values: np.ndarray, chosen: np.ndarray, looks: np.ndarray) -> list[Arm]:
    n = np.cumsum(chosen)[looks - 1]
    kept = np.where(chosen, values, 0)
    mean = np.cumsum(kept)[looks - 1] / n
    variance = (np.cumsum(kept * kept)[looks - 1] - n * mean * mean) / (n - 1)
    nonzero = np.cumsum(kept != 0)[looks - 1]
    return [
        Arm(int(n_), float(mean_), float(variance_), int(nonzero_))
        for n_, mean_, variance_, nonzero_ in zip(n, mean, variance, nonzero, strict=True)
    ]


def _naive(looks: list[dict[str, Arm]]) -> bool:
    for arms in looks:
        a, b = arms["a"], arms["b"]
        error = a.variance / a.n + b.variance / b.n
        if error > 0 and (b.mean - a.mean) ** 2 > 1.96**2 * error:
            return True
    return False
