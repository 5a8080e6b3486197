import numpy as np
import pytest
from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor
from twelve_runtime.artifacts.tensors import Signature, Tensor
from twelve_runtime.ml.errors import BadInput
from twelve_runtime.ml.protocols import binary, oip

VALUES = {
    "BOOL": [True, False], "INT8": [-128, 127], "UINT16": [0, 65535], "INT64": [-(2**63), 2**63 - 1], "UINT64": [2**64 - 1],
    "FP16": [0.5, -2.0], "FP32": [0.25, 1e30], "FP64": [0.1, -1e300],
}  # fmt: skip


@pytest.mark.parametrize(("datatype", "values"), VALUES.items())
def test_numbers_come_back_as_they_went(datatype, values):
    array = np.array(values, dtype=binary.DTYPES[datatype])
    raw = binary.encoded(array)
    found = binary.decoded("x", datatype, memoryview(b"?" + raw)[1:])
    assert (found.dtype, found.tolist()) == (array.dtype, array.tolist())
    assert (found.flags.aligned, found.flags.writeable) == (True, True)


def test_strings_are_as_triton_has_them():
    words = np.array(["", "élan", "a\0b"], dtype=object)
    theirs = serialize_byte_tensor(words).item()
    assert binary.encoded(words) == theirs
    assert binary.decoded("x", "BYTES", memoryview(theirs)).tolist() == words.tolist()
    assert [one.decode() for one in deserialize_bytes_tensor(binary.encoded(words))] == words.tolist()


@pytest.mark.parametrize("raw", [b"\x05\0\0\0abc", b"\x01\0", b"\x01\0\0\0\xff", b"\xff\xff\xff\xff"])
def test_strings_cut_short_or_of_another_encoding_are_refused(raw):
    with pytest.raises(BadInput, match=r"middle of a string|not UTF-8"):
        binary.decoded("x", "BYTES", memoryview(raw))


def test_null_is_left_to_json():
    assert binary.encoded(np.array([None], dtype=object)) is None


def asked(body, size, signature):
    return oip.read(body, {b"inference-header-content-length": b"%d" % size}, signature)


JSON = (
    b'{"inputs":[{"name":"n","shape":[2],"datatype":"INT32","parameters":{"binary_data_size":8}},'
    b'{"name":"s","shape":[2],"datatype":"BYTES","data":["a","b"]},'
    b'{"name":"f","shape":[2],"datatype":"FP64","parameters":{"binary_data_size":16}}]}'
)
RAW = np.array([1, 2], dtype="<i4").tobytes() + np.array([0.5, 1.5], dtype="<f8").tobytes()


def test_json_and_binary_tensors_mix_and_are_cast_to_the_signature():
    signature = Signature((Tensor("n", "INT64", (-1,)), Tensor("s", "BYTES", (-1,)), Tensor("f", "FP32", (-1,))), ())
    found = asked(JSON + RAW, len(JSON), signature).inputs
    assert {name: array.tolist() for name, array in found.items()} == {"n": [1, 2], "s": ["a", "b"], "f": [0.5, 1.5]}
    assert [array.dtype.name for array in found.values()] == ["int64", "object", "float32"]


def test_without_a_signature_they_are_what_they_say_they_are():
    found = asked(JSON + RAW, len(JSON), None).inputs
    assert {name: array.tolist() for name, array in found.items()} == {"n": [1, 2], "s": ["a", "b"], "f": [0.5, 1.5]}


def test_a_number_that_does_not_fit_is_refused():
    signature = Signature((Tensor("n", "INT8", (-1,)), Tensor("s", "BYTES", (-1,)), Tensor("f", "FP32", (-1,))), ())
    with pytest.raises(BadInput, match="outside INT8"):
        asked(JSON + RAW.replace(b"\x01\0\0\0", b"\x01\x01\0\0"), len(JSON), signature)
