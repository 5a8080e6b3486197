"""What live probes do to files and stores of the trial: something, and nothing of it stays."""

import json
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from twelve_runtime.artifacts import models
from twelve_runtime.artifacts.errors import Refused
from twelve_runtime.artifacts.models import Draft
from twelve_runtime.artifacts.store import Store

from twelve.audit.probes import run, stores
from twelve.audit.probes.models import listed
from twelve.audit.probes.probe import CannotTell
from twelve.audit.probes.rehearsal import setup_of
from twelve.audit.probes.tamper import flipped_file, is_model
from twelve.audit.probes.trial import config_for
from twelve.core.errors import PlatformError

CONFIG = {"MODEL_NAME": "m"}
TENSOR = {"name": "x", "datatype": "FP32", "shape": [-1]}
GOLDEN = [{key: [{**TENSOR, "shape": [1], "data": [1]}] for key in ("inputs", "outputs")}]


@pytest.fixture
def store(tmp_path):
    made = Store.open(f"file://{tmp_path}/store", make=True)
    signature = {"inputs": [TENSOR], "outputs": [TENSOR]}
    draft = Draft("m", "onnx", signature, GOLDEN, roles={"a.txt": "labels"})
    models.publish(made, draft, {"a.txt": b"labels", "m.onnx": b"weights"})
    return made


def test_one_byte_of_the_served_file_is_another_one_meanwhile(store):
    found = models.resolve(store, "1", "m")
    name, path = stores.file_of(store, CONFIG, "1")
    assert name == "m.onnx of m@1"
    with stores.flipped(store, path), pytest.raises(Refused):
        models.verify(store, found)
    assert models.verify(store, found) == len(b"labelsweights")


def test_the_only_version_is_published_again_and_as_whole(store):
    assert stores.versions(store, CONFIG) == ["1"]
    assert stores.published_again(store, CONFIG, "1") == "2"
    assert stores.versions(store, CONFIG) == ["2", "1"]
    again = models.resolve(store, "2", "m")
    assert again.manifest.files == models.resolve(store, "1", "m").manifest.files
    assert models.verify(store, again)


def test_a_version_that_is_not_there_cannot_be_tampered_with(store):
    with pytest.raises(CannotTell, match="m@7"):
        stores.file_of(store, CONFIG, "7")
    with pytest.raises(CannotTell, match="empty"):
        stores.with_a_flip(b"")


def test_a_file_is_exchanged_and_what_shares_its_content_is_not(tmp_path):
    file, link = tmp_path / "m.onnx", tmp_path / "linked.onnx"
    file.write_bytes(b"abc")
    link.hardlink_to(file)
    file.chmod(0o444)
    tmp_path.chmod(0o555)
    with flipped_file(file):
        assert file.read_bytes() == b"a" + bytes([ord("b") ^ 0xFF]) + b"c"
        assert link.read_bytes() == b"abc"
    assert (file.read_bytes(), file.stat().st_ino) == (b"abc", link.stat().st_ino)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["linked.onnx", "m.onnx"]
    assert tmp_path.stat().st_mode & 0o777 == 0o555
    tmp_path.chmod(0o755)


def test_which_files_are_models(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"x")
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "m.txt").write_bytes(b"x")
    (tmp_path / "link.onnx").symlink_to("m.onnx")
    assert [file.name for file in sorted(tmp_path.iterdir()) if is_model(file)] == ["m.onnx"]


@pytest.mark.parametrize(
    ("content", "command"),
    [
        (json.dumps({"environments": {"test": {"scripts": {"test-setup": "make data"}}}}), "make data"),
        ('{"environments": {"test": []}}', ""),
        ('{"environments": {"test": {"scripts": {"test-setup": 7}}}}', ""),
        ("[]", ""),
        ("{", ""),
        (None, ""),
    ],
)
def test_what_app_json_has_for_tests(tmp_path, content, command):
    if content is not None:
        (tmp_path / "app.json").write_text(content)
    assert setup_of(tmp_path) == command


def test_keys_that_are_not_shown_are_counted():
    assert listed(list("abcdefgh")) == "a, b, c, d, e, f, g, h"
    assert listed(list("abcdefghij")) == "a, b, c, d, e, f, g, h and 2 more"


@pytest.mark.parametrize(("store", "kept"), [("MODEL_STORE_URL=\n", False), ("", True)])
def test_a_version_counts_only_where_it_can_be_there(tmp_path, store, kept):
    """The store that the platform makes is empty."""
    (tmp_path / ".env.example").write_text(f"{store}MODEL_NAME=m\nMODEL_VERSION=1\n")
    given, _ = config_for(tmp_path)
    assert given["MODEL_VERSION"] == ("1" if kept else "")


@pytest.mark.parametrize(("confined", "wanted", "runs"), [(True, "", True), (False, "none", True), (False, "", False)])
def test_code_that_nobody_knows_runs_only_in_a_sandbox(monkeypatch, confined, wanted, runs):
    """Unless somebody has asked for none. Whether it is a weak one is said."""
    engine = SimpleNamespace(confined=confined, weakness="" if confined else "nothing is granted")
    tried = SimpleNamespace(
        platform=SimpleNamespace(engine=engine, settings=SimpleNamespace(sandbox=wanted)),
        deploy=lambda: deployed.append(1), failure="It does not build.", build=None,
    )  # fmt: skip
    deployed, said = [], []
    monkeypatch.setattr(run, "trial", lambda _codebase: nullcontext(tried))
    with nullcontext() if runs else pytest.raises(PlatformError, match="nothing is granted"):
        run.observe(None, said.append, without={probe.item for probe in run.all_probes()})
    assert bool(deployed) is runs
    assert ("which is weak: nothing is granted" in " ".join(said)) is (runs and not confined)
