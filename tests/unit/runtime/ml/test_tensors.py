"""What a client may send for a tensor, and what a model may answer."""

import numpy as np
import orjson
import pytest
from twelve_runtime.artifacts.tensors import Tensor
from twelve_runtime.ml import tensors
from twelve_runtime.ml.errors import BadInput

X = Tensor("X", "FP32", (-1, 2))


@pytest.mark.parametrize(
    ("tensor", "data", "shape", "wanted"),
    [
        (X, [1, 2, 3.5, 4], [2, 2], [[1, 2], [3.5, 4]]),  # flat
        (X, [[1, 2], [3, 4]], [2, 2], [[1, 2], [3, 4]]),  # nested
        (X, [[1, 2]], None, [[1, 2]]),  # as records have it
        (Tensor("n", "INT8", (-1,)), [-128, 127], [2], [-128, 127]),
        (Tensor("n", "UINT64", (-1,)), [2**64 - 1], [1], [2**64 - 1]),
        (Tensor("b", "BOOL", (-1,)), [True, False], [2], [True, False]),
        (Tensor("s", "BYTES", (-1,)), ["ü", "a\x00"], [2], ["ü", "a\x00"]),  # a NUL at the end is kept
        (Tensor("h", "FP16", (-1,)), [0.5], [1], [0.5]),
    ],
)
def test_what_fits_is_taken(tensor, data, shape, wanted):
    found = tensors.read(tensor, data, shape)
    assert found.dtype == tensors.DTYPES[tensor.datatype]
    assert found.tolist() == wanted


@pytest.mark.parametrize(
    ("tensor", "data", "shape", "said"),
    [
        (X, [1, 2, 3], [1, 2], "3 values, but shape"),
        (X, [1, 2, 3], [1, 3], r"the model takes \[-1, 2\]"),
        (X, [1, 2], [2], "has shape"),
        (X, [[1, 2], [3]], None, "ragged"),
        (X, "1,2", [1, 2], "not a list"),
        (X, None, [1, 2], "not a list"),
        (X, ["1", "2"], [1, 2], "not strings"),
        (X, [True, False], [1, 2], "not booleans"),
        (X, [1, None], [1, 2], "numbers are needed"),
        (X, [1, {}], [1, 2], "numbers are needed"),
        (X, [1, 1e39], [1, 2], "not finite as FP32"),
        (X, [1, float("nan")], [1, 2], "not finite"),
        (X, [10**400, 1], [1, 2], "numbers are needed"),
        (Tensor("n", "INT64", (-1,)), [1.5], [1], "without a fraction"),
        (Tensor("n", "INT8", (-1,)), [128], [1], "outside INT8"),
        (Tensor("n", "UINT8", (-1,)), [-1], [1], "outside UINT8"),
        (Tensor("n", "INT64", (-1,)), [2**63], [1], "outside INT64"),
        (Tensor("b", "BOOL", (-1,)), [1], [1], "booleans are needed"),
        (Tensor("s", "BYTES", (-1,)), [1], [1], "strings are needed"),
        (Tensor("s", "BYTES", (-1,)), [["a"], "b"], [2], "strings are needed"),
    ],
)
def test_what_does_not_is_told(tensor, data, shape, said):
    with pytest.raises(BadInput, match=said):
        tensors.read(tensor, data, shape)


def test_a_body_of_endless_brackets_is_no_tensor():
    deep = []
    for _ in range(500):
        deep = [deep]
    with pytest.raises(BadInput):
        tensors.read(X, deep)


def test_null_is_nan_where_the_signature_allows_it():
    found = tensors.read(Tensor("X", "FP32", (-1, 2), nonfinite=True), [[1, None]])
    assert found.tolist()[0][0] == 1
    assert np.isnan(found[0, 1])


def test_every_input_has_the_same_number_of_rows():
    two = [X, Tensor("y", "FP32", (-1,))]
    assert tensors.rows(two, {"X": np.zeros((3, 2)), "y": np.zeros(3)}) == 3
    with pytest.raises(BadInput, match="2 rows, another one has 3"):
        tensors.rows(two, {"X": np.zeros((3, 2)), "y": np.zeros(2)})
    with pytest.raises(BadInput, match="no row"):
        tensors.rows([X], {"X": np.zeros((0, 2))})


OUTPUT = [Tensor("p", "FP32", (-1, 2)), Tensor("label", "INT64", (-1,))]
GOOD = {"p": np.zeros((1, 2), np.float32), "label": np.zeros(1, np.int64)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"p": np.zeros((1, 3), np.float32)}, "shape"),
        ({"p": np.zeros((2, 2), np.float32)}, "shape"),
        ({"p": np.zeros((1, 2))}, "float64, not FP32"),
        ({"p": np.array([[1, np.nan]], np.float32)}, "not finite"),
        ({"label": np.zeros(1, np.int32)}, "int32, not INT64"),
    ],
)
def test_an_answer_keeps_the_signature_s_promise(change, said):
    found = tensors.wrong(OUTPUT, GOOD | change, 1)
    assert said in found
    assert bool(found) == bool(said)


def test_a_missing_output_is_told():
    assert "missing" in tensors.wrong(OUTPUT, {"p": GOOD["p"]}, 1)


def test_python_s_answers_are_cast_where_no_meaning_is_lost():
    found = tensors.cast(OUTPUT, {"p": [[0.25, 0.75]], "label": np.zeros(1, np.int32)})
    assert tensors.wrong(OUTPUT, found, 1) == ""
    assert "not INT64" in tensors.wrong(OUTPUT, tensors.cast(OUTPUT, GOOD | {"label": np.array(["a"])}), 1)


def test_the_encoder_takes_what_plain_gives():
    strided = np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::2]
    given = {"a": tensors.plain(strided), "b": tensors.plain(np.array(["x"]))}
    assert orjson.loads(orjson.dumps(given, option=orjson.OPT_SERIALIZE_NUMPY)) == {"a": [[0, 2], [3, 5]], "b": ["x"]}
