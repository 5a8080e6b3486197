"""What a model was trained on, feature by feature: bins in its manifest's `reference`, and counts in these bins.

numeric   {"kind": "numeric", "edges": [...], "p": [...], "n": rows}: len(p) = len(edges) + 1, bins open at both ends,
          the left edge belongs to its bin
category  {"kind": "category", "values": ["0", "1"], "p": [...], "n": rows}: values as text
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

BINS = 10
MOST_VALUES = 50  # a text feature with more distinct values than this says nothing as categories
MOST_FEATURES = 512  # a picture's pixels are not watched one by one beyond this

Entry: TypeAlias = Mapping[str, Any]
Column: TypeAlias = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows per bin or value of an entry; `missing` were NaN or null, `unseen` values that training did not have."""

    counts: tuple[int, ...]
    missing: int = 0
    unseen: int = 0

    @property
    def rows(self) -> int:
        return sum(self.counts) + self.missing + self.unseen

    def plus(self, other: "Counts") -> "Counts":
        added = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return Counts(added, self.missing + other.missing, self.unseen + other.unseen)


def features(name: str, values: NDArray[Any]) -> dict[str, Column]:
    """The columns of a tensor, one a feature: `X` of shape [n] is "X", of shape [n, k] "X[0]" to "X[k-1]"."""
    if values.ndim == 1:
        return {name: values}
    flat = values.reshape(len(values), -1)[:, :MOST_FEATURES]
    return {f"{name}[{number}]": flat[:, number] for number in range(flat.shape[1])}


def describe(columns: Mapping[str, Column]) -> dict[str, dict[str, Any]]:
    """The `reference` of a manifest, from the columns of the training data and of what the model says to them."""
    entries = {name: _describe(np.asarray(values)) for name, values in columns.items()}
    return {name: entry for name, entry in entries.items() if entry is not None}


def count(entry: Entry, values: Sequence[Any] | Column) -> Counts:
    """Sort values into the bins of an entry."""
    given = np.asarray(values)
    return _count_numeric(entry, given) if entry["kind"] == "numeric" else _count_category(entry, given)


def none(entry: Entry) -> Counts:
    return Counts((0,) * len(entry["p"]))


def _describe(values: Column) -> dict[str, Any] | None:
    if np.issubdtype(values.dtype, np.floating) or (_is_whole(values) and len(np.unique(values)) > MOST_VALUES):
        return _numeric(values.astype(np.float64))
    return _category(values)


def _is_whole(values: Column) -> bool:
    return np.issubdtype(values.dtype, np.integer)


def _numeric(values: NDArray[np.float64]) -> dict[str, Any] | None:
    present = values[~np.isnan(values)]
    if not len(present):
        return None
    entry: dict[str, Any] = {"kind": "numeric", "edges": _edges(present), "n": len(values)}
    found = _counts(entry["edges"], present)
    shares = {"p": _shares(found), "missing": round(1 - len(present) / len(values), 6)}
    return entry | (shares if shares["missing"] else {"p": shares["p"]})


def _edges(present: NDArray[np.float64]) -> list[float]:
    """Tenths of the rows; where most rows have one value, quarters of the distinct values."""
    distinct = np.unique(present)
    if len(distinct) == 1:
        only = float(distinct[0])
        return [only, only + max(abs(only), 1.0) * 1e-6]
    edges = np.unique(np.quantile(present, np.arange(1, BINS) / BINS))
    if len(edges) < 3:
        edges = np.unique(np.concatenate([edges, np.quantile(distinct, [0.25, 0.5, 0.75])]))
    return [float(edge) for edge in edges]


def _category(values: Column) -> dict[str, Any] | None:
    names, counts = np.unique(np.array([text(value) for value in values.tolist()]), return_counts=True)
    if len(names) > MOST_VALUES:
        return None
    return {"kind": "category", "values": names.tolist(), "p": _shares(counts), "n": len(values)}


def text(value: object) -> str:
    """A category's value as manifests and events write it."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _shares(counts: NDArray[Any]) -> list[float]:
    return [float(share) for share in counts / counts.sum()]


def _counts(edges: Sequence[float], present: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.bincount(np.searchsorted(edges, present, side="right"), minlength=len(edges) + 1).astype(np.int64)


def _count_numeric(entry: Entry, given: Column) -> Counts:
    values = given.astype(np.float64)  # null becomes NaN
    present = values[~np.isnan(values)]
    return Counts(tuple(_counts(entry["edges"], present).tolist()), missing=len(values) - len(present))


def _count_category(entry: Entry, given: Column) -> Counts:
    places = {value: place for place, value in enumerate(entry["values"])}
    counts, missing, unseen = [0] * len(places), 0, 0
    for value in given.tolist():
        if value is None:
            missing += 1
        elif (place := places.get(text(value))) is None:
            unseen += 1
        else:
            counts[place] += 1
    return Counts(tuple(counts), missing, unseen)
