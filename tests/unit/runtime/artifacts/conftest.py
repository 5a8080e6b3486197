import pytest
from twelve_runtime.artifacts.models import Draft
from twelve_runtime.artifacts.store import Store

X = {"name": "X", "datatype": "FP32", "shape": [-1, 2]}
LABEL = {"name": "label", "datatype": "INT64", "shape": [-1]}
SIGNATURE = {"inputs": [X], "outputs": [LABEL]}
GOLDEN = {
    "inputs": [{"name": "X", "datatype": "FP32", "shape": [1, 2], "data": [0.5, 1]}],
    "outputs": [{"name": "label", "datatype": "INT64", "shape": [1], "data": [7]}],
}


@pytest.fixture
def store(tmp_path):
    return Store.open(f"file://{tmp_path}/store", make=True)


@pytest.fixture
def draft():
    def make(name="digits", framework="onnx", **more):
        return Draft(name=name, framework=framework, signature=SIGNATURE, golden=[GOLDEN], **more)

    return make
