"""Whether what a model is asked today looks like what it was trained on.

lines of stdout ─observed▶ counts in the bins of the manifest's reference ─compare▶ one `event=drift` a feature
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from twelve_runtime.ml.reference import Counts, Entry

FLOOR = 1e-4  # of a share: an empty bin would make the logarithm infinite
MODERATE, MAJOR = 0.1, 0.25
NOISE = 0.03  # with so much PSI from chance alone, nothing is said
DRIFTED = 3  # the exit code


@dataclass(frozen=True, slots=True)
class Drift:
    """One feature. `level` is none, moderate, major or insufficient (too few rows to say).

    `cdf` is the largest difference of the cumulative shares, None for categories. `p_value` is that of the chi-squared
    test, for information: with many rows it is small for differences that matter to nobody.
    """

    feature: str
    kind: str
    level: str
    psi: float
    cdf: float | None
    chi2: float
    p_value: float
    missing: float
    unseen: float
    n: int
    n_ref: int


def psi(p: Sequence[float], q: Sequence[float]) -> float:
    """Population stability index: sum of (q - p) ln(q / p), shares floored at 1e-4 and scaled to 1 again."""
    a, b = _floored(p), _floored(q)
    return float(np.sum((b - a) * np.log(b / a)))


def level(index: float, bins: int, n: int, n_ref: int) -> str:
    """The noise of PSI is about (bins - 1)(1/n + 1/n_ref)."""
    if n == 0 or n_ref == 0 or (bins - 1) * (1 / n + 1 / n_ref) > NOISE:
        return "insufficient"
    if index < MODERATE:
        return "none"
    return "moderate" if index < MAJOR else "major"


def compare(feature: str, entry: Entry, seen: Counts) -> Drift:
    """What training did not have counts as a bin of its own, whose share was nothing then."""
    p, counts = _with_rest(entry, seen)
    rows, reference_rows = seen.rows, int(entry["n"])
    q = [number / rows for number in counts] if rows else [0.0] * len(counts)
    index = psi(p, q) if rows else 0.0
    statistic = _chi_squared(p, counts)
    return Drift(
        feature=feature,
        kind=entry["kind"],
        level=level(index, len(p), rows, reference_rows),
        psi=round(index, 8),
        cdf=_cdf(entry, p, q),
        chi2=round(statistic, 6),
        p_value=chi_squared_tail(statistic, len(p) - 1),
        missing=seen.missing / rows if rows else 0.0,
        unseen=seen.unseen / rows if rows else 0.0,
        n=rows,
        n_ref=reference_rows,
    )


def compare_all(reference: Mapping[str, Entry], seen: Mapping[str, Counts]) -> list[Drift]:
    """In the order of the manifest; features of which nothing was seen are left out."""
    return [compare(name, reference[name], seen[name]) for name in reference if name in seen and seen[name].rows]


def exit_code(found: Sequence[Drift]) -> int:
    return DRIFTED if any(one.level == "major" for one in found) else 0


def event(found: Drift, model: str, version: str) -> dict[str, Any]:
    return {"event": "drift", "model_name": model, "model_version": version} | asdict(found)


def chi_squared_tail(statistic: float, freedom: int) -> float:
    """The chance of a larger value: the regularised upper incomplete gamma function Q(freedom/2, statistic/2)."""
    if freedom < 1 or statistic <= 0:
        return 1.0
    a, x = freedom / 2, statistic / 2
    return 1 - _lower_gamma(a, x) if x < a + 1 else _upper_gamma(a, x)


def _with_rest(entry: Entry, seen: Counts) -> tuple[list[float], list[int]]:
    """Shares of the reference and counts of today, with a bin for missing and one for unseen where there are any."""
    lacking = float(entry.get("missing", 0.0))
    p, counts = [share * (1 - lacking) for share in entry["p"]], list(seen.counts)
    if seen.missing or lacking:
        p, counts = [*p, lacking], [*counts, seen.missing]
    if seen.unseen:
        p, counts = [*p, 0.0], [*counts, seen.unseen]
    return p, counts


def _floored(shares: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = np.maximum(np.asarray(shares, dtype=np.float64), FLOOR)
    floored: np.ndarray[Any, np.dtype[np.float64]] = values / values.sum()
    return floored


def _cdf(entry: Entry, p: Sequence[float], q: Sequence[float]) -> float | None:
    if entry["kind"] != "numeric":
        return None
    bins = len(entry["p"])
    return round(float(np.max(np.abs(np.cumsum(np.subtract(p[:bins], q[:bins]))))), 8)


def _chi_squared(p: Sequence[float], counts: Sequence[int]) -> float:
    expected = _floored(p) * sum(counts)
    return float(np.sum((np.asarray(counts) - expected) ** 2 / expected)) if sum(counts) else 0.0


def _lower_gamma(a: float, x: float) -> float:
    """By its series, which converges quickly below a + 1."""
    term = total = 1 / a
    for number in range(1, 1000):
        term *= x / (a + number)
        total += term
        if term < total * 1e-15:
            break
    return total * math.exp(-x + a * math.log(x) - math.lgamma(a))


def _upper_gamma(a: float, x: float) -> float:
    """By its continued fraction (Lentz), which converges quickly above a + 1."""
    tiny = 1e-300
    b = x + 1 - a
    c, d = 1 / tiny, 1 / b
    total = d
    for number in range(1, 1000):
        step = -number * (number - a)
        b += 2
        d = 1 / _away(step * d + b, tiny)
        c = _away(b + step / c, tiny)
        total *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return total * math.exp(-x + a * math.log(x) - math.lgamma(a))


def _away(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny
