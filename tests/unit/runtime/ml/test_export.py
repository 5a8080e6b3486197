"""ONNX export: what is exported says what was fitted, or there is no export."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from twelve_runtime.ml import export

RNG = np.random.default_rng(0)
ROWS = RNG.uniform(-1, 1, (300, 4)).astype(np.float32)


def forest(labels):
    return RandomForestClassifier(3, max_depth=4, random_state=0).fit(ROWS[:200], labels[:200])


def test_a_classifier_says_the_same_and_gives_the_same_bytes_twice():
    model = forest((ROWS[:, 0] > 0).astype(int))
    first, again = export.to_onnx(model, ROWS[200:]), export.to_onnx(model, ROWS[200:])
    assert first.onnx == again.onnx
    assert first.disagreements == 0
    assert first.apart <= export.FARTHEST
    assert export.signature(first.onnx) == {
        "inputs": [{"name": "X", "datatype": "FP32", "shape": [-1, 4]}],
        "outputs": [
            {"name": "label", "datatype": "INT64", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]},
        ],
    }


def test_labels_may_be_words():
    exported = export.to_onnx(forest(np.where(ROWS[:, 0] > 0, "yes", "no")), ROWS[200:])
    assert export.signature(exported.onnx)["outputs"][0]["datatype"] == "BYTES"
    assert set(export.run(exported.onnx, {"X": ROWS})["label"].tolist()) == {"yes", "no"}


def test_a_regressor_is_compared_by_its_numbers():
    model = LinearRegression().fit(ROWS, ROWS @ [1, 2, 3, 4])
    assert export.to_onnx(model, ROWS).apart <= export.FARTHEST


def test_a_model_that_says_something_else_is_not_exported(monkeypatch):
    model = forest((ROWS[:, 0] > 0).astype(int))
    monkeypatch.setattr(model, "predict", lambda rows: 1 - RandomForestClassifier.predict(model, rows))
    with pytest.raises(export.NotTheSame, match="disagrees with the fitted one on 100 of 100 labels"):
        export.to_onnx(model, ROWS[200:])
