"""Snapshots of training data: the same content is the same version, wherever it is pushed from."""

import hashlib
import json

import pytest
from twelve_runtime.artifacts import datasets, layout
from twelve_runtime.artifacts.errors import ArtifactError, Refused


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "data"
    (root / "sub").mkdir(parents=True)
    (root / "rows.csv").write_text("a\n1\n")
    (root / "sub" / "Ü.bin").write_bytes(b"\0")
    return root


def test_the_tree_is_the_digest_of_the_sorted_listing(store, data):
    made = datasets.push(store, "numbers", data, rows=1, source={"dvc_md5": "x"})
    listing = [[p, hashlib.sha256(c).hexdigest(), len(c)] for p, c in (("rows.csv", b"a\n1\n"), ("sub/Ü.bin", b"\0"))]
    text = json.dumps(listing, separators=(",", ":"), ensure_ascii=False)
    assert made.new
    assert made.dataset.tree == hashlib.sha256(text.encode()).hexdigest()
    found = datasets.resolve(store, "numbers", made.dataset.tree[:8])
    assert (found.rows, found.source, found.uri) == (1, {"dvc_md5": "x"}, f"data/numbers/{made.dataset.tree}")


def test_the_same_content_is_the_same_version(store, data, tmp_path):
    first = datasets.push(store, "numbers", data)
    again = datasets.push(store, "numbers", data, rows=5)
    assert (again.dataset, again.new) == (first.dataset, False)
    (data / "rows.csv").write_text("a\n2\n")
    other = datasets.push(store, "numbers", data)
    assert other.new
    assert {one.tree for one in datasets.versions(store, "numbers")} == {first.dataset.tree, other.dataset.tree}
    found = datasets.diff(first.dataset.files, other.dataset.files)
    assert (found.added, found.removed, found.changed) == ((), (), ("rows.csv",))
    datasets.pull(store, first.dataset, tmp_path / "out")
    assert (tmp_path / "out" / "rows.csv").read_text() == "a\n1\n"
    assert (tmp_path / "out" / "sub" / "Ü.bin").read_bytes() == b"\0"


def test_every_flipped_byte_of_the_data_is_refused(store, data, tmp_path):
    """The tree covers paths, contents and sizes; who published it when is only said."""
    made = datasets.push(store, "numbers", data).dataset
    path = tmp_path / "store" / layout.dataset("numbers", made.tree)
    good = path.read_bytes()
    for place in range(len(good)):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        try:
            assert datasets.resolve(store, "numbers", made.tree).files == made.files
        except ArtifactError:
            continue
    path.write_bytes(good)
    blob = tmp_path / "store" / layout.blob(made.files[0].sha256)
    blob.write_bytes(b"a\n2\n")
    with pytest.raises(Refused):
        datasets.pull(store, made, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_plain_file_is_refused(store, data, tmp_path):
    (data / "link").symlink_to("/etc/passwd")
    with pytest.raises(Refused, match="link"):
        datasets.push(store, "numbers", data)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match="holds no files"):
        datasets.push(store, "numbers", tmp_path / "empty")
    with pytest.raises(Refused, match="neither a file nor"):
        datasets.push(store, "numbers", tmp_path / "nowhere")


@pytest.mark.parametrize("tree", ["latest", "", "abc", "A" * 64, "../x"])
def test_only_trees_are_versions(store, tree):
    with pytest.raises(Refused):
        datasets.resolve(store, "numbers", tree)
