"""What a candidate must prove, one function a check: each gives a value, its limit and whether it holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twelve_runtime.artifacts.tensors import stands_in
from twelve_runtime.ml import comparison, drift, golden, judged, observed, ranking
from twelve_runtime.ml.errors import BadConfig, Rejected
from twelve_runtime.ml.judged import Judged
from twelve_runtime.ml.tables import Table

SLOWER = 1.2  # times the champion
ROUNDS, MOST_ROUNDS = 7, 28
TIMER = 0.25  # milliseconds: a difference below this is the machine's


@dataclass(frozen=True, slots=True)
class Limits:
    """`margin`: how much worse a candidate may be, as a share of the champion's mean loss, or of 1 minus its metric."""

    size: float = 256.0
    memory: float = 512.0
    margin: float = comparison.MARGIN
    target: str = "target"
    slices: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()  # of ranking.METRICS
    accept_drift: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """`champion` is what serves now; None before the first version. `training`: the rows the candidate was made of."""

    candidate: Judged
    champion: Judged | None
    holdout: Table
    training: Table | None
    inputs: Sequence[str] = field(default=(), repr=False)
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Check:
    """`detail` is a clause that a person reads when it does not hold."""

    check: str
    ok: bool
    value: float | None = None
    limit: float | None = None
    detail: str = ""


def all_of(case: Case) -> Iterator[Check]:
    """Cheap ones first. What cannot be compared is not compared."""
    taken = signature(case)
    yield taken
    yield replay(case)
    yield from budgets(case)
    yield overlap(case)
    if taken.ok:
        yield from compared(case)
        yield from ranked(case)
    yield drifted(case)


def signature(case: Case) -> Check:
    """It must be able to stand in for the champion: the same inputs, at least its outputs."""
    if case.champion is None:
        return Check("signature", True, detail="there is no champion yet")
    why = stands_in(case.candidate.manifest.signature, case.champion.manifest.signature)
    return Check("signature", not why, detail=why)


def replay(case: Case) -> Check:
    manifest = case.candidate.manifest
    try:
        golden.replay(manifest, case.candidate.predict)
    except Rejected as error:
        return Check("golden", False, 0, len(manifest.golden), str(error).rstrip("."))
    return Check("golden", True, len(manifest.golden), len(manifest.golden))


def budgets(case: Case) -> Iterator[Check]:
    size, memory = case.candidate.manifest.size / 1e6, case.candidate.grown
    yield Check("size", size <= case.limits.size, size, case.limits.size, "megabytes")
    yield Check("memory", memory <= case.limits.memory, memory, case.limits.memory, "megabytes")
    if case.champion is not None:
        yield _latency(case.candidate, case.champion)


def _latency(candidate: Judged, champion: Judged) -> Check:
    """On a busy machine it takes more rounds until each has had one to itself; who is slower is so in all of them."""
    rounds = judged.slowest({"candidate": candidate, "champion": champion})
    for taken in islice(rounds, ROUNDS - 1, MOST_ROUNDS):
        limit = max(taken["champion"] * SLOWER, taken["champion"] + TIMER)
        check = Check(
            "latency", taken["candidate"] <= limit, taken["candidate"], limit, "milliseconds, 99th percentile"
        )
        if check.ok:
            break
    return check


def overlap(case: Case) -> Check:
    """A holdout the model has been trained on proves nothing."""
    if case.training is None:
        return Check(
            "overlap", False, detail="the data it was trained on cannot be read, so nobody knows what it has seen"
        )
    columns = case.candidate.columns()
    both = case.training.row_hashes(columns) & case.holdout.row_hashes(columns)
    return Check("overlap", not both, len(both), 0, "rows of the holdout are in the training data")


def compared(case: Case) -> Iterator[Check]:
    target = case.holdout.target(case.limits.target)
    candidate = _losses(case.candidate, case.holdout, target)
    if case.champion is None:
        constant = _of_a_constant(candidate, target)
        yield _check("baseline", comparison.compare(candidate, constant, 0.0))
        return
    champion = _losses(case.champion, case.holdout, target)
    yield _check("holdout", comparison.compare(candidate, champion, case.limits.margin))
    for name, where in _slices(case):
        yield _check(name, comparison.compare(candidate[where], champion[where], case.limits.margin))


def ranked(case: Case) -> Iterator[Check]:
    """By each metric that is asked for, on all rows and on each slice; without a champion better than chance."""
    if not case.limits.metrics:
        return
    values = np.asarray([str(value) for value in case.holdout.target(case.limits.target).tolist()])
    candidate, classes = _probabilities(case.candidate, case.holdout)
    champion, known = _probabilities(case.champion, case.holdout) if case.champion else (candidate * 0, classes)
    margin = case.limits.margin if case.champion else 0.0
    everywhere = ("", np.ones(len(values), np.bool_))
    for name, where in [everywhere, *(_slices(case) if case.champion else [])]:
        wanted = ranking.classes_of(values[where].tolist())
        ours, theirs = (
            ranking.scores(given[where], of, wanted) for given, of in ((candidate, classes), (champion, known))
        )
        true = [values[where] == one for one in wanted]
        for metric in case.limits.metrics:
            yield _ranked(f"{name} {metric}".strip(), metric, ranking.compare(metric, ours, theirs, true, margin))


def _ranked(name: str, metric: str, found: comparison.Comparison) -> Check:
    if not found.enough:
        least = f"{comparison.LEAST_ROWS} rows and {ranking.LEAST_OF_A_CLASS} of a class"
        return Check(name, False, detail=f"{found.rows} rows are too few to rank: {least} are needed")
    detail = f"{metric} {1 - found.candidate:.4g} against {1 - found.champion:.4g} on {found.rows} rows"
    return Check(name, found.ok, found.value, found.limit, f"{detail}; the upper bound of what is lost counts")


def _slices(case: Case) -> list[tuple[str, NDArray[np.bool_]]]:
    return [
        (f"slice {column}={value}", where)
        for column in case.limits.slices
        for value, where in comparison.slices(case.holdout.column(column)).items()
    ]


def drifted(case: Case) -> Check:
    """Whether what is asked today looks like what it was trained on; only inputs, as its answers are new."""
    manifest = case.candidate.manifest
    inputs = {tensor.name for tensor in manifest.signature.inputs}
    reference = {name: entry for name, entry in manifest.reference.items() if name.partition("[")[0] in inputs}
    seen = observed.observe(case.inputs, reference, manifest.name, manifest.version).seen
    found = [one for one in drift.compare_all(reference, seen) if one.level != "insufficient"]
    if not found:
        return Check("drift", True, detail="too few inputs are known to say anything")
    worst = max(found, key=lambda one: one.psi)
    ok = worst.level != "major" or case.limits.accept_drift
    return Check("drift", ok, worst.psi, drift.MAJOR, f"{worst.feature} is not asked as it was in training")


def reason(checks: Sequence[Check], candidate: str, champion: str | None) -> str:
    """One sentence about all of them."""
    failed = [check for check in checks if not check.ok]
    if not failed:
        against = f"is as good as {champion}" if champion else "is the first"
        return f"{candidate} {against}: {len(checks)} checks hold."
    return f"{candidate} is refused: {'; '.join(_told(check) for check in failed)}."


def _told(check: Check) -> str:
    figures = "" if check.value is None or check.limit is None else f" {check.value:.4g}, limit {check.limit:.4g}"
    return f"{check.check}{figures}{f' ({check.detail})' if check.detail else ''}"


def _check(name: str, found: comparison.Comparison) -> Check:
    if not found.enough:
        few = f"{found.rows} rows, of which {comparison.LEAST_ROWS} are needed"
        return Check(name, False, detail=few)
    detail = (
        f"mean loss {found.candidate:.4g} against {found.champion:.4g} on {found.rows} rows; the upper bound counts"
    )
    return Check(name, found.ok, found.value, found.limit, detail)


def _losses(model: Judged, table: Table, target: NDArray[Any]) -> comparison.Losses:
    return comparison.losses(model.answers(table), target, model.classes)


def _probabilities(model: Judged, table: Table) -> tuple[NDArray[Any], Sequence[Any]]:
    """By row, and the class of each column."""
    found = model.answers(table).get("probabilities")
    if found is None or found.ndim != 2 or model.classes is None:
        raise BadConfig(
            f"GATE_METRICS needs `probabilities` of the `classes` in the manifest; {model.manifest.ref} has none."
        )
    return found, model.classes


def _of_a_constant(like: comparison.Losses, target: NDArray[Any]) -> comparison.Losses:
    """The losses of the best answer that does not look at its input: a first version must beat that."""
    if target.dtype.kind == "f":
        squares: comparison.Losses = (target - target.mean()) ** 2
        return squares
    values, counts = np.unique(target, return_counts=True)
    if set(np.unique(like)) <= {0.0, 1.0}:
        wrong: comparison.Losses = (target != values[counts.argmax()]).astype(np.float64)
        return wrong
    shares: Mapping[Any, float] = dict(zip(values.tolist(), (counts / len(target)).tolist(), strict=True))
    squares_of_all = sum(share**2 for share in shares.values())
    return np.asarray([squares_of_all - 2 * shares[value] + 1 for value in target.tolist()], np.float64)
