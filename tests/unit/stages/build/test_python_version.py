"""Which Python is asked for, by whom, and what a machine without it says."""

from pathlib import Path

import pytest
from packaging.version import Version

from twelve.core.errors import BadManifest, MissingInterpreter
from twelve.stages.build import interpreters
from twelve.stages.build.interpreters import Interpreter, own
from twelve.stages.build.python_version import choose, poetry_specifier, wanted


def asked(tree, pyproject=None, lock=None, name="uv.lock"):
    return wanted(tree, pyproject or {}, lock or {}, name)


LINES = [
    (".python-version", "3.12", "3.12.1", True),
    (".python-version", "3.12\n", "3.11.7", False),
    (".python-version", "# ours\n\n 3.12.1 \n", "3.12.1", True),
    (".python-version", "3.12.1", "3.12.2", False),
    (".python-version", "3", "3.13.0", True),
    (".python-version", "python3.12", "3.12.9", True),
    (".python-version", "cpython@3.12", "3.12.9", True),
    (".python-version", ">=3.10,<3.12", "3.11.7", True),
    ("runtime.txt", "python-3.11.7", "3.11.7", True),
    ("runtime.txt", "python-3.11.9", "3.11.7", False),
    ("runtime.txt", "python-3.11", "3.11.7", True),
]


@pytest.mark.parametrize(("file", "text", "version", "fits"), LINES)
def test_a_line_in_a_file(tmp_path, file, text, version, fits):
    (tmp_path / file).write_text(text)
    want = asked(tmp_path)
    assert want.accepts(Version(version)) is fits
    assert want.where.file == file


@pytest.mark.parametrize("text", ["pypy3.10", "ruby-3.3", "three", "3.12-dev"])
def test_a_line_that_is_no_version(tmp_path, text):
    (tmp_path / ".python-version").write_text(f"# x\n{text}\n")
    with pytest.raises(BadManifest, match=r"\.python-version:2"):
        asked(tmp_path)


def test_the_first_that_says_something_decides(tmp_path):
    project = {"project": {"requires-python": ">=3.10"}}
    lock = {"requires-python": ">=3.9"}
    assert asked(tmp_path) is None
    assert asked(tmp_path, lock=lock).where.file == "uv.lock"
    assert asked(tmp_path, project, lock).where.file == "pyproject.toml"
    (tmp_path / "runtime.txt").write_text("python-3.12")
    assert asked(tmp_path, project, lock).where.file == "runtime.txt"
    (tmp_path / ".python-version").write_text("3.13")
    assert asked(tmp_path, project, lock).where.file == ".python-version"


def test_pipfile_lock_asks_for_a_minor_or_an_exact_version(tmp_path):
    minor = asked(tmp_path, lock={"_meta": {"requires": {"python_version": "3.11"}}}, name="Pipfile.lock")
    exact = asked(tmp_path, lock={"_meta": {"requires": {"python_full_version": "3.11.7"}}}, name="Pipfile.lock")
    assert minor.accepts(Version("3.11.2"))
    assert not exact.accepts(Version("3.11.2"))


def test_poetry_ranges_are_asked_for(tmp_path):
    want = asked(tmp_path, {"tool": {"poetry": {"dependencies": {"python": "^3.10 || 3.8.*"}}}})
    assert [want.accepts(Version(text)) for text in ("3.11.7", "3.8.1", "3.9.1", "4.0.0")] == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("^3.11", "3.13", "4.0"),
        ("^0.4.2", "0.4.9", "0.5.0"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("~3.11", "3.11.9", "3.12"),
        ("~3", "3.99", "4.0"),
        ("~=3.11.0", "3.11.9", "3.12"),
        (">=3.8,<4.0", "3.8", "4.0"),
        (">=3.8 <3.12", "3.11", "3.12"),
        ("3.11.*", "3.11.4", "3.12"),
        ("3.11.4", "3.11.4", "3.11.5"),
        ("*", "9.9", None),
    ],
)
def test_poetry_constraints(text, inside, outside):
    specifier = poetry_specifier(text)
    assert specifier.contains(inside)
    assert outside is None or not specifier.contains(outside)


def test_without_a_wish_it_is_the_one_twelve_runs_on():
    assert choose(None) == own()


def test_a_missing_version_names_those_at_hand(tmp_path, monkeypatch):
    here = tuple(Interpreter(Version(text), Path("/x"), Path("/usr")) for text in ("3.13.0", "3.12.1"))
    monkeypatch.setattr(interpreters, "at_hand", lambda: here)
    (tmp_path / "runtime.txt").write_text("python-3.9.6\n")
    with pytest.raises(MissingInterpreter, match=r"runtime\.txt:1: Python 3\.9\.6 .* 3\.13\.0, 3\.12\.1\.") as caught:
        choose(asked(tmp_path))
    assert caught.value.exit_code == 23


def test_the_newest_finished_one_that_fits_is_chosen(tmp_path, monkeypatch):
    versions = ("3.99.0rc1", "3.98.2", "3.98.1")
    here = tuple(Interpreter(Version(text), Path("/x"), Path("/usr")) for text in versions)
    monkeypatch.setattr(interpreters, "at_hand", lambda: here)
    (tmp_path / ".python-version").write_text(">=3.98\n")
    assert str(choose(asked(tmp_path)).version) == "3.98.2"


def test_the_interpreters_of_this_machine_are_found_by_full_path():
    found = interpreters.at_hand()
    assert own().version in [one.version for one in found]
    assert all(one.path.is_absolute() and "shims" not in one.path.parts for one in found)
    assert list(found) == sorted(found, key=lambda one: one.version, reverse=True)
