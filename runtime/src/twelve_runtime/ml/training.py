"""The process type `train`: read a version of the data, fit, publish a candidate; done twice, it is one version.

TRAINING_DATA_VERSION ▶ train_key: known? then done ▶ fit ▶ ONNX, compared with what was fitted ▶ the next version

    def fit(data: Data) -> Fitted: ...
    sys.exit(training.main(fit, params={"trees": 60}, seed=0))
"""

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twelve_runtime.artifacts import datasets, models
from twelve_runtime.artifacts.datasets import Dataset
from twelve_runtime.artifacts.errors import ArtifactError
from twelve_runtime.artifacts.models import Draft, Published
from twelve_runtime.artifacts.names import HEX
from twelve_runtime.artifacts.store import Store
from twelve_runtime.ml import export, reference, tables
from twelve_runtime.ml.report import Emit, stdout

CONFIG_ERROR = 78
GOLDEN_ROWS = 8
ROUNDED = 9  # digits of a golden float; the tolerance is far wider


class BadSetting(Exception):
    """A variable of the environment is missing or wrong; the message names it."""


@dataclass(frozen=True, slots=True)
class Data:
    """One version of a dataset: its files below `directory`, which is gone after the training."""

    dataset: Dataset
    directory: Path

    def table(self) -> tables.Table:
        """Its CSV files, as one table."""
        return tables.read(tables.below(self.directory))


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a training hands over: `estimator` of scikit-learn, or the ONNX `onnx` of anything else with its `classes`.

    `features`: the rows it was trained on, as they are served. `holdout`: rows it was not trained on.
    """

    features: NDArray[Any]
    holdout: NDArray[Any]
    estimator: Any = None
    onnx: bytes = b""
    classes: Sequence[Any] | None = None
    metrics: Mapping[str, float | int] = field(default_factory=dict)


Fit = Callable[[Data], Fitted]


@dataclass(frozen=True, slots=True)
class Settings:
    """From the environment. `slug` names the code exactly; without it nobody can say that nothing is new."""

    store_url: str
    model: str
    dataset: str
    tree: str
    slug: str
    command: str
    lineage: Mapping[str, Any]
    signing_key: str

    @classmethod
    def read(cls, env: Mapping[str, str], command: Sequence[str] = ()) -> "Settings":
        model = _needed(env, "MODEL_NAME")
        name, _, tree = _needed(env, "TRAINING_DATA_VERSION").rpartition("@")
        if not HEX.fullmatch(tree):
            raise BadSetting(
                f"TRAINING_DATA_VERSION={tree!r} is not the version of a dataset: 64 hex digits, as `twelve datasets "
                "list` shows them. `latest` is resolved before a training starts, by `twelve retrain`."
            )
        return cls(
            store_url=_needed(env, "MODEL_STORE_URL"),
            model=model,
            dataset=name or env.get("TRAINING_DATA") or model,
            tree=tree,
            slug=env.get("TWELVE_SLUG_DIGEST", ""),
            command=" ".join(command),
            lineage=_lineage(env),
            signing_key=env.get("MODEL_SIGNING_KEY", ""),
        )

    def train_key(self, params: Mapping[str, Any], seed: int) -> str:
        """The same for the same data, code and parameters; empty where the code is not known."""
        if not self.slug:
            return ""
        what = {"data": self.tree, "slug": self.slug, "command": self.command, "params": dict(params), "seed": seed}
        canonical = json.dumps(what, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def main(
    fit: Fit, *, params: Mapping[str, Any], seed: int = 0, env: Mapping[str, str] | None = None, emit: Emit = stdout
) -> int:
    """Gives the exit code: 0 when the version exists, new or not; 78 for the environment, 1 for everything else."""
    try:
        settings = Settings.read(os.environ if env is None else env, sys.orig_argv[1:])
        train(fit, settings, params=params, seed=seed, emit=emit)
    except BadSetting as error:
        return _fail(error, CONFIG_ERROR)
    except (ArtifactError, tables.BadTable, export.NotTheSame) as error:
        return _fail(error, 1)
    return 0


def train(fit: Fit, settings: Settings, *, params: Mapping[str, Any], seed: int = 0, emit: Emit = stdout) -> Published:
    """The version that this data, code and parameters lead to; fitted and published only when there is none."""
    begun = time.monotonic()
    store = Store.open(settings.store_url)
    key = settings.train_key(params, seed)
    if key and (known := models.trained(store, settings.model, key)):
        _tell(emit, settings, known, {}, begun)
        return known
    dataset = datasets.resolve(store, settings.dataset, settings.tree)
    with tempfile.TemporaryDirectory(prefix="training-") as scratch:
        fitted = fit(Data(dataset, datasets.pull(store, dataset, Path(scratch) / "data")))
    draft, onnx = described(fitted, settings, dataset, params=params, seed=seed, train_key=key)
    published = models.publish(store, draft, {"model.onnx": onnx}, signing_key=settings.signing_key)
    _tell(emit, settings, published, draft.metrics, begun)
    return published


def described(
    fitted: Fitted, settings: Settings, dataset: Dataset, *, params: Mapping[str, Any], seed: int, train_key: str
) -> tuple[Draft, bytes]:
    """What the manifest says of a model, and the model."""
    exported = export.to_onnx(fitted.estimator, fitted.holdout) if fitted.estimator is not None else None
    onnx = exported.onnx if exported else fitted.onnx
    signature = export.signature(onnx)
    name = signature["inputs"][0]["name"]
    said = export.run(onnx, {name: fitted.holdout})
    classes = fitted.classes if fitted.classes is not None else getattr(fitted.estimator, "classes_", None)
    draft = Draft(
        name=settings.model,
        framework="onnx",
        signature=signature,
        golden=[_golden(signature, fitted.holdout[:GOLDEN_ROWS], onnx)],
        opset=exported.opset if exported else None,
        requires=("onnxruntime>=1.20",),
        metrics={**fitted.metrics, **({"export_apart": exported.apart} if exported else {})},
        reference=reference.describe(reference.features(name, fitted.features) | _answers(said)),
        data=_from(dataset),
        lineage={**settings.lineage, "seed": seed, "params": dict(params)},
        train_key=train_key,
        more={} if classes is None else {"classes": np.asarray(classes).tolist()},
    )
    return draft, onnx


def _from(dataset: Dataset) -> dict[str, Any]:
    found = {"name": dataset.name, "uri": dataset.uri, "sha256": dataset.tree, "rows": dataset.rows}
    return {key: value for key, value in found.items() if value is not None}


def _answers(said: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What a model says can drift too; of probabilities only the label is watched."""
    return {name: values for name, values in said.items() if values.ndim == 1}


def _golden(signature: Mapping[str, Any], rows: NDArray[Any], onnx: bytes) -> dict[str, Any]:
    """The first rows of the holdout, and what the model says to them."""
    given = {signature["inputs"][0]["name"]: rows}
    said = export.run(onnx, given)
    return {
        "inputs": [_value(tensor, given[tensor["name"]]) for tensor in signature["inputs"]],
        "outputs": [_value(tensor, said[tensor["name"]]) for tensor in signature["outputs"]],
        "rtol": 1e-4,
        "atol": 1e-5,
    }


def _value(tensor: Mapping[str, Any], values: NDArray[Any]) -> dict[str, Any]:
    """NaN is null."""
    flat = values.reshape(-1).tolist()
    if tensor["datatype"].startswith("FP"):
        flat = [None if value != value else round(value, ROUNDED) for value in flat]  # noqa: PLR0124 - only NaN is not itself
    return {"name": tensor["name"], "datatype": tensor["datatype"], "shape": list(values.shape), "data": flat}


def _lineage(env: Mapping[str, str]) -> dict[str, Any]:
    """Where this training ran, as far as the platform says."""
    keys = {
        "app": "HEROKU_APP_NAME", "release": "HEROKU_RELEASE_VERSION", "git": "HEROKU_SLUG_COMMIT",
        "slug": "TWELVE_SLUG_DIGEST", "process": "DYNO",
    }  # fmt: skip
    found: dict[str, Any] = {name: env[key] for name, key in keys.items() if env.get(key)}
    return found | ({"parents": [env["MODEL_VERSION"]]} if env.get("MODEL_VERSION") else {})


def _needed(env: Mapping[str, str], key: str) -> str:
    if value := env.get(key, "").strip():
        return value
    raise BadSetting(f"{key} is not set.")


def _tell(emit: Emit, settings: Settings, published: Published, metrics: Mapping[str, Any], begun: float) -> None:
    emit(
        "training",
        model_name=settings.model,
        model_version=published.version,
        model_sha256=published.digest,
        new=published.new,
        data=f"{settings.dataset}@{settings.tree}",
        metrics=dict(metrics),
        seconds=round(time.monotonic() - begun, 3),
    )


def _fail(error: Exception, code: int) -> int:
    sys.stderr.write(f"train: {error}\n")
    return code
