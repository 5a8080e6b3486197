"""Is a candidate at most a little worse than the champion? A paired, one-sided test on the same frozen rows.

d = loss of the candidate - loss of the champion, row by row; it holds when mean(d) + 1.645 sd(d) / sqrt(n) <= margin.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Z = 1.645  # 95 %, one-sided
LEAST_ROWS = 200
MARGIN = 0.02  # of the champion's mean loss

Losses = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`value` is the upper bound of the mean difference, `limit` the margin in units of the loss."""

    rows: int
    candidate: float
    champion: float
    difference: float
    value: float
    limit: float

    @property
    def enough(self) -> bool:
        return self.rows >= LEAST_ROWS

    @property
    def ok(self) -> bool:
        return self.enough and self.value <= self.limit


def compare(candidate: Losses, champion: Losses, margin: float = MARGIN) -> Comparison:
    difference = candidate - champion
    rows = len(difference)
    spread = float(np.std(difference, ddof=1)) if rows > 1 else math.inf
    mean = float(np.mean(difference)) if rows else math.inf
    bound = mean + Z * spread / math.sqrt(rows) if rows else math.inf
    before = float(np.mean(champion)) if rows else 0.0
    after = float(np.mean(candidate)) if rows else 0.0
    return Comparison(rows, after, before, mean, bound, margin * before)


def slices(values: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """Each value of a column that has enough rows, and where they are."""
    found = np.asarray(values)
    every = {str(value): found == value for value in np.unique(found)}
    return {value: where for value, where in every.items() if int(where.sum()) >= LEAST_ROWS}


def losses(outputs: Mapping[str, NDArray[Any]], target: NDArray[Any], classes: Sequence[Any] | None) -> Losses:
    """One number a row: the Brier score where there are probabilities of known classes, 0 or 1 for another label than
    the true one, else the squared error.
    """
    probabilities = outputs.get("probabilities")
    if probabilities is not None and classes is not None and probabilities.ndim == 2:
        return brier(probabilities, target, classes)
    first = outputs.get("label")
    answer = first if first is not None else next(iter(outputs.values()))
    if np.issubdtype(answer.dtype, np.floating):
        squares: Losses = (answer.reshape(len(target)).astype(np.float64) - target.astype(np.float64)) ** 2
        return squares
    return np.asarray([str(a) != str(b) for a, b in zip(answer.tolist(), target.tolist(), strict=True)], np.float64)


def brier(probabilities: NDArray[Any], target: NDArray[Any], classes: Sequence[Any]) -> Losses:
    """The squared distance from what is true, 0 to 2. Unlike log loss it is bounded: one row of which a forest was
    sure and wrong does not decide by itself. A class the model does not know has probability 0.
    """
    places = {str(value): place for place, value in enumerate(classes)}
    at = np.asarray([places.get(str(value), -1) for value in target.tolist()])
    given = probabilities.astype(np.float64)
    of_the_true = np.where(at < 0, 0.0, np.take_along_axis(given, np.maximum(at, 0)[:, None], axis=1)[:, 0])
    found: Losses = (given**2).sum(axis=1) - 2 * of_the_true + 1
    return found
