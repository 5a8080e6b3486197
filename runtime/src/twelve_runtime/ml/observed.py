"""What a model was asked and what it said, from event lines of its processes: `feature_hist`, else logged inputs.

Lines may carry anything before the event, as those of `twelve logs` do.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twelve_runtime.ml.reference import Counts, Entry, count, features, none


@dataclass(slots=True)
class Observed:
    """Counts of each feature in a reference's bins. A `feature_hist` counts rows that prediction events count again,
    so of the two only one is taken: `feature_hist`, once there is any.
    """

    reference: Mapping[str, Entry]
    counted: dict[str, Counts] = field(default_factory=dict)
    logged: dict[str, Counts] = field(default_factory=dict)

    @property
    def seen(self) -> Mapping[str, Counts]:
        return self.counted or self.logged

    def add_histogram(self, name: str, histogram: Mapping[str, Any]) -> None:
        entry = self.reference.get(name)
        if entry is None:
            return
        counts = histogram.get("counts", ())
        if len(counts) == len(entry["p"]):  # else they are bins of another version of the model
            found = Counts(tuple(counts), int(histogram.get("missing", 0)), int(histogram.get("unseen", 0)))
            self.counted[name] = self.counted.get(name, none(entry)).plus(found)

    def add_values(self, name: str, values: np.ndarray[Any, Any]) -> None:
        for feature, column in features(name, values).items():
            entry = self.reference.get(feature)
            if entry is not None:
                self.logged[feature] = self.logged.get(feature, none(entry)).plus(count(entry, column))


def observe(lines: Iterable[str], reference: Mapping[str, Entry], model: str, version: str) -> Observed:
    """Bins, and what the model says, are those of one version; inputs count whichever version answered."""
    observed = Observed(reference)
    for event in events(lines):
        if event.get("model_name") not in {None, model}:
            continue
        same = event.get("model_version") in {None, version}
        if event["event"] == "feature_hist" and same:
            _histograms(observed, event)
        elif event["event"] == "prediction" and event.get("status", "ok") == "ok":
            _logged(observed, event.get("input"))
            if same:
                _logged(observed, event.get("output"))
    return observed


def events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Lines that are no JSON objects with an `event` are somebody else's."""
    for line in lines:
        start = line.find("{")
        if start < 0 or '"event"' not in line:
            continue
        try:
            found = json.loads(line[start:])
        except ValueError:
            continue
        if isinstance(found, dict) and isinstance(found.get("event"), str):
            yield found


def _histograms(observed: Observed, event: Mapping[str, Any]) -> None:
    several = event.get("features")
    if isinstance(several, Mapping):
        for name, histogram in several.items():
            if isinstance(histogram, Mapping):
                observed.add_histogram(name, histogram)
    elif isinstance(event.get("feature"), str):
        observed.add_histogram(event["feature"], event)


def _logged(observed: Observed, tensors: object) -> None:
    """{"X": [[...]]} by name, or a list of the inference protocol's tensors."""
    if isinstance(tensors, Mapping):
        pairs = [(name, values, None) for name, values in tensors.items()]
    elif isinstance(tensors, list):
        pairs = [(one.get("name"), one.get("data"), one.get("shape")) for one in tensors if isinstance(one, Mapping)]
    else:
        return
    for name, values, shape in pairs:
        try:
            found = np.asarray(values if isinstance(values, list) else [values])
            found = found if shape is None else found.reshape(shape)
            observed.add_values(str(name), found)
        except (ValueError, TypeError):  # not what this model takes, or cut short
            continue
