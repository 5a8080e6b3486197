"""scikit-learn estimators from a skops file: types are named by the release, never by the artifact."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import skops.io

from twelve_runtime.artifacts.cache import read
from twelve_runtime.artifacts.manifest import Manifest
from twelve_runtime.artifacts.tensors import Tensor
from twelve_runtime.ml import tensors
from twelve_runtime.ml.errors import Rejected
from twelve_runtime.ml.frameworks import files
from twelve_runtime.ml.model import Predict
from twelve_runtime.ml.settings import Settings
from twelve_runtime.ml.tensors import Array, Arrays

PROBABILITIES = ("probabilities", "probability", "proba")
LARGEST_PROBABILITY = {"LogisticRegression", "RandomForestClassifier", "ExtraTreesClassifier", "DecisionTreeClassifier"}


def load(manifest: Manifest, directory: Path, settings: Settings) -> Predict:
    data = read(directory, files.only(manifest, ".skops"))
    unknown = set(skops.io.get_untrusted_types(data=data)) - set(settings.trusted_types)
    if unknown:
        raise Rejected(f"{manifest.ref} holds {', '.join(sorted(unknown))}, which MODEL_TRUSTED_TYPES does not name.")
    return by_estimator(skops.io.loads(data, trusted=list(settings.trusted_types)), manifest)


def by_estimator(estimator: Any, manifest: Manifest) -> Predict:
    """One input is the matrix; several are its columns, in the signature's order. The output `probabilities` is
    predict_proba's, every other one predict's."""
    inputs, outputs = manifest.signature.inputs, manifest.signature.outputs
    answer = _answers(estimator, outputs)
    only = inputs[0].name if len(inputs) == 1 else None

    def predict(given: Arrays) -> Arrays:
        matrix = given[only] if only else _columns(inputs, given)
        return tensors.cast(outputs, answer(matrix))

    return predict


def _answers(estimator: Any, outputs: Sequence[Tensor]) -> Callable[[Array], Arrays]:
    chances = [one.name for one in outputs if one.name in PROBABILITIES]
    labels = [one.name for one in outputs if one.name not in PROBABILITIES]
    decides = _last(estimator)
    if chances and labels and type(decides).__name__ in LARGEST_PROBABILITY and np.ndim(decides.classes_[0]) == 0:
        return lambda matrix: _by_chances(estimator, decides.classes_, chances, labels, matrix)

    def both(matrix: Array) -> Arrays:
        found = dict.fromkeys(chances, estimator.predict_proba(matrix)) if chances else {}
        return found | dict.fromkeys(labels, estimator.predict(matrix)) if labels else found

    return both


def _by_chances(
    estimator: Any, classes: Array, chances: Sequence[str], labels: Sequence[str], matrix: Array
) -> dict[str, Array]:
    """For these estimators the label is the class with the largest probability: one pass instead of two."""
    probabilities = estimator.predict_proba(matrix)
    label = classes.take(probabilities.argmax(axis=1))
    return dict.fromkeys(chances, probabilities) | dict.fromkeys(labels, label)


def _last(estimator: Any) -> Any:
    steps = getattr(estimator, "steps", None)
    return steps[-1][1] if steps else estimator


def _columns(inputs: Sequence[Tensor], given: Arrays) -> Array:
    columns = [given[one.name] for one in inputs]
    if any(column.dtype.kind == "O" for column in columns):
        columns = [column.astype(object) for column in columns]
    return np.column_stack(columns)
