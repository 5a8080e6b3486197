"""The examples carry the runtime library as a wheel: of a released version, or of the code as it is."""

import hashlib
import re
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "runtime"
WHEELS = sorted(ROOT.glob("examples/*/vendor/*.whl"))


def version_here():
    return tomllib.loads((LIBRARY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def inside(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.startswith("twelve_runtime/")}


def here():
    files = (path for path in (LIBRARY / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(LIBRARY / "src").as_posix(): path.read_bytes() for path in files}


def test_an_example_carries_it():
    assert WHEELS


@pytest.mark.parametrize("wheel", WHEELS, ids=lambda path: path.parent.parent.name)
def test_a_version_has_one_content_only(wheel):
    """The code may be ahead under a number of its own; `script/vendor` brings the example up to it."""
    version = re.match(r"twelve_runtime-([^-]+)-", wheel.name)[1]
    carried = {name: content for name, content in inside(wheel).items() if not name.endswith("/")}
    assert carried
    if version == version_here():
        changed = {name for name in carried.keys() | here().keys() if carried.get(name) != here().get(name)}
        assert not changed, "raise `version` in runtime/pyproject.toml, or run script/vendor"


@pytest.mark.parametrize("wheel", WHEELS, ids=lambda path: path.parent.parent.name)
def test_the_example_declares_the_wheel_that_lies_there(wheel):
    project = tomllib.loads((wheel.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["uv"]["sources"]["twelve-runtime"]["path"] == f"vendor/{wheel.name}"
    assert len(list(wheel.parent.iterdir())) == 1
    lock = tomllib.loads((wheel.parents[1] / "uv.lock").read_text(encoding="utf-8"))
    (locked,) = (package["wheels"] for package in lock["package"] if package["name"] == "twelve-runtime")
    digest = f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    assert locked == [{"filename": wheel.name, "hash": digest}]
