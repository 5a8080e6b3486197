"""A registry that MLflow itself has written, taken over: afterwards it is a model like any other."""

import numpy as np
import pytest
from twelve_runtime.artifacts import mlflow as ours
from twelve_runtime.artifacts import models
from twelve_runtime.artifacts.errors import ArtifactError, Missing, Refused
from twelve_runtime.artifacts.models import Draft
from twelve_runtime.artifacts.store import Store
from twelve_runtime.ml import export

from tests.unit.runtime.artifacts.conftest import GOLDEN, SIGNATURE

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def onnx():
    from sklearn.linear_model import LogisticRegression

    rows = np.random.default_rng(1).normal(size=(60, 4)).astype("float32")
    return export.to_onnx(LogisticRegression().fit(rows[:40], (rows[:40, 0] > 0).astype(int)), rows[40:]).onnx


@pytest.fixture(scope="module")
def registry(tmp_path_factory, onnx):
    """Its address; with digits@champion as ONNX, and `forest` as a pickle."""
    base = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_TRACKING_URI", f"file://{base}/mlruns")
        from mlflow import MlflowClient
        from mlflow.models import Model

        address = f"file://{base}/mlruns"
        client = MlflowClient(address, address)
        run = client.create_run(client.create_experiment("trained"))
        client.log_metric(run.info.run_id, "accuracy", 0.9)
        for name, flavor, file, content in (
            ("Digits", "onnx", {"data": "model.onnx"}, onnx),
            ("forest", "sklearn", {"pickled_model": "model.pkl"}, b"pickled"),
        ):
            directory = base / name
            directory.mkdir()
            (directory / next(iter(file.values()))).write_bytes(content)
            model = Model(run_id=run.info.run_id)
            model.add_flavor(flavor, **file)
            model.save(str(directory / "MLmodel"))
            client.log_artifacts(run.info.run_id, str(directory), name)
            client.create_registered_model(name)
            version = client.create_model_version(name, f"{run.info.artifact_uri}/{name}", run_id=run.info.run_id)
            client.set_registered_model_alias(name, "champion", version.version)
        yield address


def test_an_alias_there_is_a_version_here(registry, onnx, tmp_path):
    taken = ours.take("models:/Digits@champion", tmp_path / "taken", registry)
    assert (taken.framework, taken.metrics) == ("onnx", {"accuracy": 0.9})
    assert taken.lineage["source"] == "models:/Digits/1"
    store = Store.open(f"file://{tmp_path}/store", make=True)
    draft = Draft(
        "digits", taken.framework, taken.signature, taken.golden, metrics=taken.metrics, lineage=taken.lineage
    )
    models.publish(store, draft, taken.files)
    found = models.resolve(store, "1", "digits").manifest
    (golden,) = found.golden
    said = export.run(onnx, {"X": np.array(golden.inputs[0].data, "float32").reshape(golden.inputs[0].shape)})
    assert golden.outputs[0].data == tuple(said[golden.outputs[0].name].tolist())
    assert [file.path for file in found.files] == ["model.onnx"]


def test_what_nobody_can_find_out_has_to_be_said(registry, tmp_path):
    taken = ours.take("models:/forest/1", tmp_path / "taken", registry)
    assert (taken.framework, taken.signature, taken.golden) == ("pickle", {}, ())
    store = Store.open(f"file://{tmp_path}/store", make=True)
    models.publish(store, Draft("forest", "pickle", SIGNATURE, [GOLDEN]), taken.files)
    with pytest.raises(Refused, match="pickle"):
        models.fetch(store, models.resolve(store, "1", "forest"), tmp_path / "cache")


def test_what_is_not_there_is_one_sentence(registry, tmp_path):
    with pytest.raises(Missing) as missing:
        ours.take("models:/nothing@champion", tmp_path, registry)
    assert "\n" not in str(missing.value)
    with pytest.raises(ArtifactError):
        ours.take("file:///etc/passwd", tmp_path, registry)
