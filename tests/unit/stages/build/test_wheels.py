"""Which Python a lock was made for: the one that would have to compile the fewest of its packages."""

from pathlib import Path

import pytest
from packaging.version import Version

from twelve.stages.build import interpreters, python, python_project, python_version, uv_lock, wheels
from twelve.stages.build.interpreters import Interpreter
from twelve.stages.build.workshop import Host

OLD, NEW = Version("3.12.1"), Version("3.13.0")


def files(*tags):
    return [f"fast-1.0-{tag}.whl" for tag in tags]


COMPILED = {
    "pure Python": (["x-1.0-py3-none-any.whl"], 0, 0),
    "an old universal wheel": (["x-1.0-py2.py3-none-any.whl"], 0, 0),
    "for one version": (files("cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"), 0, 1),
    "the stable ABI": (files("cp39-abi3-manylinux_2_17_x86_64"), 0, 0),
    "for another system": (files("cp312-cp312-win_amd64", "cp313-cp313-macosx_11_0_arm64"), 1, 1),
    "with a build number": (["x-1.0-2-cp313-cp313-manylinux_2_17_x86_64.whl"], 1, 0),
    "source only": (["x-1.0.tar.gz"], 1, 1),
    "nothing at all": ([], 1, 1),
    "no name of a wheel": (["x.whl"], 1, 1),
}


@pytest.mark.parametrize(("names", "old", "new"), COMPILED.values(), ids=COMPILED.keys())
def test_what_would_have_to_be_compiled(names, old, new):
    assert (wheels.without_wheel([names], OLD), wheels.without_wheel([names], NEW)) == (old, new)


UV = """
requires-python = ">=3.12"
[[package]]
name = "app"
version = "0"
source = { virtual = "." }
dependencies = [
    { name = "fast" },
    { name = "backport", marker = "python_full_version < '3.13'" },
    { name = "web", extra = ["standard"] },
]
[package.dev-dependencies]
dev = [{ name = "linter" }]
[[package]]
name = "web"
version = "1"
wheels = [{ url = "https://x/web-1-py3-none-any.whl" }]
[package.optional-dependencies]
standard = [{ name = "loop" }]
other = [{ name = "unasked" }]
[[package]]
name = "loop"
version = "1"
dependencies = [{ name = "web" }]
wheels = [{ url = "https://x/loop-1-py3-none-any.whl" }]
[[package]]
name = "fast"
version = "1"
wheels = [{ url = "https://x/fast-1-cp312-cp312-manylinux_2_17_x86_64.whl" }]
[[package]]
name = "backport"
version = "1"
wheels = [{ url = "https://x/backport-1-cp312-cp312-manylinux_2_17_x86_64.whl" }]
[[package]]
name = "linter"
version = "1"
[[package]]
name = "unasked"
version = "1"
"""
POETRY = """
[[package]]
name = "fast"
version = "1"
python-versions = "*"
files = [{ file = "fast-1-cp312-cp312-manylinux_2_17_x86_64.whl", hash = "sha256:0" }]
"""


def uv_project(root, lock=UV):
    (root / "uv.lock").write_text(lock)
    (root / "pyproject.toml").write_text('[project]\nname = "app"\nversion = "0"\nrequires-python = ">=3.12"\n')
    return python_project.read(root)


@pytest.mark.parametrize(
    ("version", "names"), [(OLD, ["app", "web", "loop", "fast", "backport"]), (NEW, ["app", "web", "loop", "fast"])]
)
def test_a_uv_lock_is_walked_along_the_markers_that_hold(tmp_path, version, names):
    found = uv_lock.chosen(uv_project(tmp_path).lock, version)
    assert [package["name"] for package in found] == names


def at_hand(monkeypatch, *versions):
    here = tuple(Interpreter(Version(text), Path(f"/{text}"), Path("/usr")) for text in versions)
    monkeypatch.setattr(interpreters, "at_hand", lambda: here)
    monkeypatch.setattr(interpreters, "own", lambda: here[0])


def test_the_python_with_the_wheels_is_taken_and_said_so(tmp_path, monkeypatch):
    uv_project(tmp_path)
    at_hand(monkeypatch, "3.13.0", "3.12.1", "3.11.7")
    detected = python.detect(tmp_path, Host(tmp_path))
    assert detected.title == "Python 3.12.1 for its wheels in uv.lock, dependencies from uv.lock"


def test_wheels_do_not_overrule_what_is_asked_for(tmp_path, monkeypatch):
    uv_project(tmp_path)
    (tmp_path / ".python-version").write_text("3.13\n")
    at_hand(monkeypatch, "3.12.1", "3.13.0")
    assert python.detect(tmp_path, Host(tmp_path)).title.startswith("Python 3.13.0 from .python-version,")


def test_where_it_makes_no_difference_the_usual_one_is_taken(tmp_path, monkeypatch):
    uv_project(tmp_path, UV.replace("cp312-cp312-manylinux_2_17_x86_64", "cp39-abi3-manylinux_2_17_x86_64"))
    at_hand(monkeypatch, "3.12.1", "3.13.0")
    assert python.detect(tmp_path, Host(tmp_path)).title.startswith("Python 3.12.1 from pyproject.toml,")


def test_a_poetry_lock_decides_just_the_same(tmp_path, monkeypatch):
    (tmp_path / "poetry.lock").write_text(POETRY)
    (tmp_path / "pyproject.toml").write_text('[tool.poetry.dependencies]\npython = "^3.12"\nfast = "*"\n')
    at_hand(monkeypatch, "3.13.0", "3.12.1")
    assert python.detect(tmp_path, Host(tmp_path)).title.startswith("Python 3.12.1 for its wheels in poetry.lock,")


def test_a_poetry_lock_that_does_not_hold_what_is_asked_for_is_left_to_the_install(tmp_path):
    (tmp_path / "poetry.lock").write_text(POETRY)
    (tmp_path / "pyproject.toml").write_text('[tool.poetry.dependencies]\npython = "^3.12"\nfast = "^2"\n')
    compiled = wheels.compiled_by(python_project.read(tmp_path))
    assert compiled(OLD) == compiled(NEW) == wheels.NEVER


def test_requirements_do_not_tell_which_wheels_there_are(tmp_path):
    (tmp_path / "requirements.txt").write_text("flask\n")
    assert wheels.compiled_by(python_project.read(tmp_path)) is None


def test_another_patch_release_of_the_same_line_is_pointed_at(tmp_path, monkeypatch):
    at_hand(monkeypatch, "3.13.0", "3.10.13")
    (tmp_path / "runtime.txt").write_text("python-3.10.2\n")
    with pytest.raises(python_version.MissingInterpreter, match=r"or ask for 3\.10 to get 3\.10\.13\."):
        python_version.choose(python_version.wanted(tmp_path, {}, {}, ""))
