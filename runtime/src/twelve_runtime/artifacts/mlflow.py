"""A model of an MLflow registry, taken over: its files as they are, what is known of it, and an example to replay.

An alias means what it means now; afterwards nothing asks MLflow any more.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twelve_runtime.artifacts.errors import ArtifactError, Missing, Refused
from twelve_runtime.artifacts.tensors import DATATYPES

MODEL_URI = re.compile(r"(models|runs):/.+")
FLAVORS = (("onnx", "data", "onnx"), ("sklearn", "pickled_model", "pickle"))  # flavor, where its file is named, format
COLUMNS = {"boolean": "BOOL", "integer": "INT32", "long": "INT64", "float": "FP32", "double": "FP64", "string": "BYTES"}
OWN = {"MLmodel", "registered_model_meta"}
ROWS = 4


@dataclass(frozen=True, slots=True)
class Taken:
    """`signature` and `golden` are empty where nothing here can find them out."""

    framework: str
    files: Mapping[str, Path]
    signature: Mapping[str, Any] = field(default_factory=dict)
    golden: tuple[Mapping[str, Any], ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    lineage: Mapping[str, Any] = field(default_factory=dict)


def take(uri: str, directory: Path, tracking_uri: str) -> Taken:
    """`models:/NAME@ALIAS`, `models:/NAME/3` or `runs:/ID/PATH`, downloaded to `directory`."""
    if not MODEL_URI.fullmatch(uri):
        raise Refused(f"{uri!r} is not a model of MLflow: models:/NAME@ALIAS, models:/NAME/3 or runs:/ID/PATH.")
    if not tracking_uri:
        raise ArtifactError("Where MLflow is was not said: set MLFLOW_TRACKING_URI.")
    mlflow = _library()
    mlflow.set_tracking_uri(tracking_uri)  # as arguments they do not reach everything that needs them
    mlflow.set_registry_uri(tracking_uri)
    with _told(uri):
        found = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(directory)))
    about = _yaml(found / "MLmodel")
    framework, files = _files(found, about)
    signature, golden = _of_onnx(files[0]) if framework == "onnx" else (_signature(about), ())
    return Taken(
        framework,
        {path.relative_to(found).as_posix(): path for path in files},
        signature,
        golden,
        _metrics(mlflow, about),
        _lineage(found, about, uri),
    )


def _files(found: Path, about: Mapping[str, Any]) -> tuple[str, list[Path]]:
    """The model's own file first; then what it may refer to."""
    flavors = about.get("flavors") or {}
    for flavor, key, framework in FLAVORS:
        if flavor in flavors:
            main = found / str(flavors[flavor].get(key, "model"))
            skops = flavors[flavor].get("serialization_format") == "skops"
            near = sorted(main.rglob("*")) if main.is_dir() else [main, *sorted(found.glob(f"{main.name}?*"))]
            files = [path for path in near if path.is_file() and path.name not in OWN]
            if not files:
                raise Missing(f"The MLflow model names {main.name}, which is not there.")
            return ("sklearn-skops" if skops else framework), files
    raise Refused(f"The MLflow model has the flavors {', '.join(flavors) or 'none'}; onnx and sklearn are understood.")


def _of_onnx(path: Path) -> tuple[Mapping[str, Any], tuple[Mapping[str, Any], ...]]:
    """The names are those in the file; the example is what the model says to rows of a fixed seed."""
    try:
        import numpy as np  # noqa: PLC0415 - only here

        from twelve_runtime.ml import export  # noqa: PLC0415 - only here
    except ImportError:
        return {}, ()
    onnx = path.read_bytes()
    with _told(path.name):
        signature = export.signature(onnx)
        inputs = {one["name"]: _rows(np, one) for one in signature["inputs"]}
        outputs = export.run(onnx, inputs)
    example = {
        "inputs": [_value(one, inputs[one["name"]]) for one in signature["inputs"]],
        "outputs": [_value(one, outputs[one["name"]]) for one in signature["outputs"]],
    }
    return signature, (example,)


def _rows(np: Any, tensor: Mapping[str, Any]) -> Any:
    kinds = {"BOOL": "bool", "BYTES": "object", "FP16": "float16", "FP32": "float32", "FP64": "float64"}
    shape = [ROWS if place == 0 and size < 0 else max(size, 1) for place, size in enumerate(tensor["shape"])]
    kind = kinds.get(tensor["datatype"], str(tensor["datatype"]).lower())
    if tensor["datatype"].startswith("FP"):
        return np.random.default_rng(0).normal(size=shape).round(3).astype(kind)
    return np.full(shape, "") if kind == "object" else np.zeros(shape, kind)


def _value(tensor: Mapping[str, Any], array: Any) -> dict[str, Any]:
    flat = [None if value != value else value for value in array.ravel().tolist()]  # noqa: PLR0124 - NaN is not itself
    return {"name": tensor["name"], "datatype": tensor["datatype"], "shape": list(array.shape), "data": flat}


def _signature(about: Mapping[str, Any]) -> dict[str, Any]:
    """MLflow's own, where it has names and types that we have too."""
    said = about.get("signature") or {}
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return {side: [_tensor(spec) for spec in json.loads(said[side])] for side in ("inputs", "outputs")}
    return {}


def _tensor(spec: Mapping[str, Any]) -> dict[str, Any]:
    if spec["type"] == "tensor":
        kind, shape = spec["tensor-spec"]["dtype"], spec["tensor-spec"]["shape"]
        datatype = {"bool": "BOOL", "str": "BYTES", "object": "BYTES"}.get(kind, kind.upper().replace("FLOAT", "FP"))
        if datatype not in DATATYPES:
            raise ValueError(kind)
        return {"name": spec["name"], "datatype": datatype, "shape": shape}
    return {"name": spec["name"], "datatype": COLUMNS[spec["type"]], "shape": [-1]}


def _metrics(mlflow: Any, about: Mapping[str, Any]) -> dict[str, float]:
    """Those of the run; a registry that does not give them is no reason to go without the model."""
    if run := about.get("run_id"):
        with contextlib.suppress(Exception):
            found = mlflow.MlflowClient().get_run(run).data.metrics
            return {str(key): float(value) for key, value in found.items()}
    return {}


def _lineage(found: Path, about: Mapping[str, Any], uri: str) -> dict[str, Any]:
    meta = _yaml(found / "registered_model_meta") if (found / "registered_model_meta").exists() else {}
    numbered = f"models:/{meta['model_name']}/{meta['model_version']}" if "model_version" in meta else uri
    said = {"source": numbered, "asked_for": uri, "mlflow_run": about.get("run_id")}
    return {key: value for key, value in said.items() if value}


def _library() -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        import mlflow  # noqa: PLC0415 - an extra of 70 MB, for this alone
    except ImportError:
        raise ArtifactError("Importing from MLflow needs mlflow-skinny: install twelve-runtime[mlflow].") from None
    return mlflow


def _yaml(path: Path) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - comes with mlflow-skinny

    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError):
        found = None
    if not isinstance(found, dict):
        raise Refused(f"The MLflow model has no {path.name} that can be read.")
    return found


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Foreign libraries raise anything; their first line says what."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a library of their choice behind it
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise Missing(f"{what} cannot be had: {first[:200]}") from None
