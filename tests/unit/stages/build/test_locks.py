"""Locks of other tools: what is installed for which Python, and what is said about a lock that does not fit."""

import sys
import tomllib

import pytest
from packaging.version import Version

from twelve.core.errors import BadManifest
from twelve.stages.build import pipfile_lock, poetry_lock

PYTHON = Version("3.11.7")

POETRY = """
[[package]]
name = "Flask"
version = "3.0.0"
optional = false
python-versions = ">=3.8"
groups = ["main"]
files = [{file = "flask.whl", hash = "sha256:f1"}, {file = "flask.tar.gz", hash = "sha256:f2"}]
[package.dependencies]
click = ">=8.1.3"
colorama = {version = "*", markers = "platform_system == \\"Windows\\""}
importlib-metadata = {version = ">=3.6.0", markers = "python_version < \\"3.10\\""}
asgiref = {version = ">=3.2", optional = true, markers = "extra == \\"async\\""}
[package.extras]
async = ["asgiref (>=3.2)"]

[[package]]
name = "click"
version = "8.1.7"
python-versions = ">=3.7"
files = [{file = "click.whl", hash = "sha256:c1"}]

[[package]]
name = "asgiref"
version = "3.7.2"
python-versions = ">=3.7"
files = [{file = "asgiref.whl", hash = "sha256:a1"}]

[[package]]
name = "numpy"
version = "1.24.0"
python-versions = ">=3.8,<3.11"
files = [{file = "numpy.whl", hash = "sha256:n1"}]

[[package]]
name = "numpy"
version = "2.1.0"
python-versions = ">=3.11"
files = [{file = "numpy.whl", hash = "sha256:n2"}]

[[package]]
name = "pytest"
version = "8.0.0"
python-versions = ">=3.8"
groups = ["dev"]
files = [{file = "pytest.whl", hash = "sha256:p1"}]

[[package]]
name = "mine"
version = "0.1"
python-versions = "*"
files = []
[package.source]
type = "git"
url = "https://example.com/mine.git"
reference = "main"
resolved_reference = "abc123"

[[package]]
name = "there"
version = "0.1"
python-versions = "*"
develop = true
files = []
[package.source]
type = "directory"
url = "libs/there"

[[package]]
name = "private"
version = "1.0"
python-versions = "*"
files = [{file = "private.whl", hash = "sha256:e1"}]
[package.source]
type = "legacy"
url = "https://packages.example.com/simple"
reference = "ours"
"""


def read(dependencies="", project="", python=PYTHON):
    text = f"[project]\ndependencies = [{project}]\n[tool.poetry.dependencies]\npython = '^3.8'\n{dependencies}"
    return poetry_lock.read(tomllib.loads(POETRY), tomllib.loads(text), python)


def names(locked):
    return [f"{pin.name}{pin.reference}" for pin in locked.pins]


WALKS = {
    "through dependencies, without development": ('flask = "^3.0"', ["click==8.1.7", "Flask==3.0.0"]),
    "extras": ('flask = {version = "^3.0", extras = ["async"]}', ["asgiref==3.7.2", "click==8.1.7", "Flask==3.0.0"]),
    "the version for this Python": ('numpy = "*"', ["numpy==2.1.0"]),
    "a list, one for each Python": (
        'numpy = [{version = "<2", python = "<3.11"}, {version = "^2.1", python = ">=3.11"}]',
        ["numpy==2.1.0"],
    ),
    "optional is for extras of the app": ('click = {version = "*", optional = true}', []),
    "a marker that does not hold": ("click = {version = '*', markers = \"sys_platform == 'win32'\"}", []),
    "git": ('mine = {git = "https://example.com/mine.git"}', ["mine @ git+https://example.com/mine.git@abc123"]),
    "a path": ('there = {path = "libs/there", develop = true}', ["-e ./libs/there"]),
}


@pytest.mark.parametrize(("dependencies", "expected"), WALKS.values(), ids=WALKS.keys())
def test_poetry_walks(dependencies, expected):
    assert sorted(names(read(dependencies)), key=str.lower) == expected


def test_poetry_reads_project_dependencies_too():
    assert sorted(names(read(project='"flask>=3 ; python_version > \'3.8\'", "click"')), key=str.lower) == [
        "click==8.1.7",
        "Flask==3.0.0",
    ]


def test_poetry_picks_by_the_interpreter_and_not_by_ours():
    assert names(read('numpy = "*"', python=Version("3.9.1"))) == ["numpy==1.24.0"]


def test_poetry_hashes_go_along():
    locked = read('flask = "*"')
    assert locked.hashed
    assert "Flask==3.0.0 \\\n    --hash=sha256:f1 \\\n    --hash=sha256:f2\n" in locked.text()


def test_what_has_no_hash_is_not_called_hashed():
    assert not read('flask = "*"\nmine = "*"').hashed


def test_other_indexes_are_named_and_hashed_locks_stay_so():
    locked = read('private = "*"')
    assert locked.text().startswith("--extra-index-url https://packages.example.com/simple\nprivate==1.0")
    assert locked.hashed


def test_poetry_lock_that_lacks_a_package_is_refused():
    with pytest.raises(BadManifest, match=r"poetry\.lock: poetry\.lock does not hold django .*which pyproject.toml"):
        read('django = "^5"')
    with pytest.raises(BadManifest, match="does not hold flask"):
        read('flask = "^9.0"')


def test_poetry_1_0_keeps_hashes_apart():
    lock = {
        "package": [{"name": "a", "version": "1", "category": "main"}],
        "metadata": {"files": {"a": [{"file": "a.whl", "hash": "sha256:1"}]}},
    }
    locked = poetry_lock.read(lock, {"tool": {"poetry": {"dependencies": {"a": "*"}}}}, PYTHON)
    assert locked.text() == "a==1 \\\n    --hash=sha256:1\n"


def test_poetry_circles_end():
    packages = [
        {"name": "a", "version": "1", "dependencies": {"b": "*"}},
        {"name": "b", "version": "1", "dependencies": {"a": "*"}},
    ]
    locked = poetry_lock.read({"package": packages}, {"project": {"dependencies": ["a"]}}, PYTHON)
    assert names(locked) == ["a==1", "b==1"]


PIPFILE = {
    "_meta": {
        "sources": [{"url": "https://pypi.org/simple"}, {"url": "https://x.example/simple"}, {"url": "https://${T}@y"}]
    },
    "default": {
        "gunicorn": {"version": "==21.2.0", "hashes": ["sha256:1", "sha256:2"], "markers": "python_version >= '3.5'"},
        "psycopg": {"version": "==3.1.0", "extras": ["binary"], "hashes": ["sha256:3"]},
        "theirs": {"git": "https://example.com/t.git", "ref": "abc"},
        "ours": {"path": "./libs/ours", "editable": True},
    },
    "develop": {"pytest": {"version": "==8"}},
}


def test_pipfile_lock():
    assert pipfile_lock.read(PIPFILE).text().splitlines() == [
        "--extra-index-url https://x.example/simple",
        "gunicorn==21.2.0 ; python_version >= '3.5' \\",
        "    --hash=sha256:1 \\",
        "    --hash=sha256:2",
        "-e ./libs/ours",
        "psycopg[binary]==3.1.0 \\",
        "    --hash=sha256:3",
        "theirs @ git+https://example.com/t.git@abc",
    ]


@pytest.mark.parametrize("lock", [{}, {"default": []}, {"default": {"a": {}}}, {"default": {"a": "*"}}])
def test_a_pipfile_lock_without_versions_is_refused(lock):
    with pytest.raises(BadManifest, match=r"Pipfile\.lock: .*Run `pipenv lock`"):
        pipfile_lock.read(lock)


def test_markers_are_judged_for_this_platform():
    marker = f"sys_platform == '{sys.platform}'"
    assert names(read(f'click = {{version = "*", markers = "{marker}"}}')) == ["click==8.1.7"]
