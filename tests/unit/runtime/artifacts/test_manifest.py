"""Manifests nobody trusts: every shape of wrong is Refused, never another exception, never taken."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twelve_runtime.artifacts import manifest, names
from twelve_runtime.artifacts.errors import Refused

from tests.unit.runtime.artifacts.conftest import GOLDEN, LABEL, SIGNATURE, X

GOOD = {
    "schema": "twelve.model/1",
    "name": "digits",
    "version": "3",
    "framework": "onnx",
    "files": [{"path": "model.onnx", "sha256": "a" * 64, "size": 3, "role": "model"}],
    "signature": SIGNATURE,
    "golden": [GOLDEN],
    "created": "2026-01-31T10:00:00Z",
}
VALUE = GOLDEN["inputs"][0]


def file(**changes):
    return GOOD["files"][0] | changes


def golden(**changes):
    return {"golden": [GOLDEN | {"inputs": [VALUE | changes]}]}


def test_a_good_one_keeps_what_it_does_not_know():
    found = manifest.parse(manifest.encode(GOOD | {"mine": [1]}))
    assert found.ref == "digits@3"
    assert found.document["mine"] == [1]
    assert found.signature.inputs[0].shape == (-1, 2)


@pytest.mark.parametrize("key", sorted(GOOD))
def test_what_is_required_is_required(key):
    with pytest.raises(Refused):
        manifest.parse(json.dumps({k: v for k, v in GOOD.items() if k != key}).encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "twelve.model/2"},
        {"schema": 1},
        {"name": "Digits"},
        {"name": "a" * 64},
        {"name": "../x"},
        {"name": "x\n"},
        {"version": "0"},
        {"version": "03"},
        {"version": 3},
        {"version": "3\n"},
        {"version": "latest"},
        {"framework": "tensorflow"},
        {"framework": ["onnx"]},
        {"files": []},
        {"files": {}},
        {"files": [1]},
        {"files": [file(sha256="A" * 64)]},
        {"files": [file(sha256="a" * 63)]},
        {"files": [file(size=-1)]},
        {"files": [file(size=True)]},
        {"files": [file(size=1.0)]},
        {"files": [file(size=1 << 60)]},
        {"files": [file(role=1)]},
        {"files": [file(), file()]},
        {"files": [file(path="a"), file(path="A")]},  # one file where case is ignored
        {"files": [file(path="ß"), file(path="SS")]},
        {"files": [file(path="a"), file(path="a/b")]},  # a file and a directory
        {"files": [file(path="A/b"), file(path="a")]},
        {"signature": {}},
        {"signature": {"inputs": [X], "outputs": []}},
        {"signature": {"inputs": [X, X], "outputs": [LABEL]}},
        {"signature": {"inputs": [X | {"datatype": "FLOAT"}], "outputs": [LABEL]}},
        {"signature": {"inputs": [X | {"shape": [0]}], "outputs": [LABEL]}},
        {"signature": {"inputs": [X | {"shape": [True]}], "outputs": [LABEL]}},
        {"signature": {"inputs": [X | {"shape": "2"}], "outputs": [LABEL]}},
        {"golden": []},
        {"golden": [GOLDEN] * 17},
        golden(data=[1]),
        golden(data=[1, "2"]),
        golden(data=[1, True]),
        golden(shape=[1, 3], data=[1, 2, 3]),
        golden(shape=[-1, 2]),
        golden(shape=[1 << 40, 1 << 40]),
        golden(datatype="FP64"),
        golden(name="Y"),
        {"golden": [GOLDEN | {"rtol": -1}]},
        {"golden": [GOLDEN | {"atol": 1e9}]},
        {"created": "yesterday"},
        {"created": "2026-01-31T10:00:00"},  # no zone
        {"created": 5},
        {"opset": 0},
        {"requires": "onnxruntime"},
        {"requires": [1]},
        {"metrics": []},
        {"data": {"sha256": "x"}},
        {"lineage": 1},
    ],
    ids=repr,
)
def test_what_is_wrong_is_refused(changes):
    with pytest.raises(Refused):
        manifest.parse(json.dumps(GOOD | changes).encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"{",
        b'{"a":1,"a":2}',
        b'{"metrics":{"x":NaN}}',
        b'{"metrics":{"x":Infinity}}',
        b'{"metrics":{"x":1e999}}',
        b'{"x":' + b"9" * 10_000 + b"}",
        b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b" " * (manifest.LIMIT + 1),
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_text_that_is_no_manifest_is_refused(raw):
    with pytest.raises(Refused):
        manifest.parse(raw)


@pytest.mark.parametrize(
    "path",
    ["", "/", "/etc/passwd", "..", "a/../b", "./a", "a/./b", "a//b", "a/", "a\\b", "a\0b", "a\nb", "e\u0301", "C:\\x",
     "x" * 256, "/".join(["x" * 200] * 6), "\ud800", "a\u202eb", None, 1],
    ids=ascii,
)  # fmt: skip
def test_a_path_stays_inside(path):
    with pytest.raises(Refused):
        names.path(path)


@pytest.mark.parametrize("path", ["model.onnx", "a/b/c", ".hidden", "é", "a b", "..a", "ü/ñ.bin"])
def test_plain_paths_are_fine(path):
    assert names.path(path) == path


@settings(max_examples=150, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=8),
       st.sampled_from(sorted(GOOD)))  # fmt: skip
def test_anything_anywhere_is_parsed_or_refused(value, key):
    with contextlib.suppress(Refused):
        manifest.parse(json.dumps(GOOD | {key: value}).encode())
