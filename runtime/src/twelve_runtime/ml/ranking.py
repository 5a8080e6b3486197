"""Does a candidate rank the rows as well as the champion? Area under the ROC curve and average precision, compared by a
paired bootstrap: they are no means over rows, so the test of `comparison` does not apply.

Each draw takes the same rows for both models; the bound is the 95 % quantile of what the candidate loses. Of several
classes each is told from the rest, and the mean counts. Ties share their place, as in scikit-learn.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twelve_runtime.ml.comparison import Comparison

DRAWS, SEED = 1000, 0
CERTAIN = 0.95  # one-sided
LEAST_OF_A_CLASS = 10  # rows, and as many of the others: fewer say nothing about a rank
CELLS = 2_000_000  # of an array of draws by rows

Floats = NDArray[np.float64]
Metric = Callable[[Floats, Floats], Floats]  # rows of true and of false ones, by draw and rank from the highest score


def auc(true: Floats, false: Floats) -> Floats:
    """How likely a true row has a higher score than a false one."""
    below = false.sum(axis=1, keepdims=True) - false.cumsum(axis=1)
    pairs = (true * (below + false / 2)).sum(axis=1)
    won: Floats = pairs / (true.sum(axis=1) * false.sum(axis=1))
    return won


def average_precision(true: Floats, false: Floats) -> Floats:
    """The precision at each rank, weighted by the true rows that it adds."""
    found = true.cumsum(axis=1)
    seen = found + false.cumsum(axis=1)
    precision = np.divide(found, seen, out=np.zeros_like(found), where=seen > 0)
    mean: Floats = (true * precision).sum(axis=1) / true.sum(axis=1)
    return mean


METRICS: Mapping[str, Metric] = {"auc": auc, "average_precision": average_precision}


def compare(
    name: str, candidate: Sequence[Floats], champion: Sequence[Floats], true: Sequence[NDArray[np.bool_]],
    margin: float,
) -> Comparison:  # fmt: skip
    """By class: scores of every row, and whether the row is of the class. Losses are 1 minus the metric."""
    if not true:
        return Comparison(0, 1, 1, 0, math.inf, 0)
    metric, rows = METRICS[name], len(true[0])
    after, before = (_measured(metric, scores, true, np.ones((1, rows))) for scores in (candidate, champion))
    lost = np.concatenate([
        _measured(metric, champion, true, drawn) - _measured(metric, candidate, true, drawn)
        for drawn in _draws(rows)
    ])  # fmt: skip
    bound = float(np.nanquantile(lost, CERTAIN))
    loss, limit = 1 - float(after[0]), margin * (1 - float(before[0]))
    return Comparison(rows, loss, 1 - float(before[0]), loss - 1 + float(before[0]), bound, limit)


def classes_of(values: Sequence[str]) -> list[str]:
    """Those with enough rows inside and outside; of two the second alone, as the first is its mirror image."""
    found, counts = np.unique(np.asarray(values), return_counts=True)
    rest = len(values) - counts
    enough = [str(one) for one, n, m in zip(found, counts, rest, strict=True) if min(n, m) >= LEAST_OF_A_CLASS]
    return enough[1:] if len(found) == 2 else enough


def scores(probabilities: NDArray[Any], known: Sequence[Any], wanted: Sequence[str]) -> list[Floats]:
    """The column of each class; zeros for one that the model does not know."""
    places = {str(value): place for place, value in enumerate(known)}
    nothing = np.zeros(len(probabilities))
    return [probabilities[:, places[one]].astype(np.float64) if one in places else nothing for one in wanted]


def _draws(rows: int) -> Iterator[Floats]:
    """How often each row is taken, by draw; the same rows for the same number of them."""
    random = np.random.default_rng(SEED)
    some = max(1, CELLS // rows)
    for start in range(0, DRAWS, some):
        yield random.multinomial(rows, np.full(rows, 1 / rows), size=min(some, DRAWS - start)).astype(np.float64)


def _measured(metric: Metric, scores: Sequence[Floats], true: Sequence[NDArray[np.bool_]], drawn: Floats) -> Floats:
    """By draw, the mean over the classes; NaN for a draw without one of them."""
    with np.errstate(invalid="ignore"):
        every = [_of_a_class(metric, of_it, is_it, drawn) for of_it, is_it in zip(scores, true, strict=True)]
    mean: Floats = np.mean(every, axis=0)
    return mean


def _of_a_class(metric: Metric, scores: Floats, true: NDArray[np.bool_], drawn: Floats) -> Floats:
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    taken, hit = drawn[:, order], true[order]
    return metric(np.add.reduceat(taken * hit, starts, axis=1), np.add.reduceat(taken * ~hit, starts, axis=1))
