import json

import pytest

from twelve.core.model.app import app_name_problem
from twelve.core.policy.naming import app_name_from
from twelve.faces.cli.which_app import name_of


@pytest.mark.parametrize(
    ("directory", "app"),
    [
        ("notes", "notes"),
        ("My_App 2", "my-app-2"),
        ("2048", "app-2048"),
        ("--x--", "x-app"),
        ("", "app"),
        ("é", "app"),
        ("a" * 50, "a" * 30),
        ("a" * 29 + "-b", "a" * 29),
    ],
)
def test_a_directory_gives_a_name(directory, app):
    assert app_name_from(directory) == app
    assert app_name_problem(app_name_from(directory)) is None


@pytest.mark.parametrize("file", ["notes.tar.gz", "notes.tgz", "notes.tar", "notes.tar.zst", "notes"])
def test_a_tarball_gives_its_name_without_the_ending(tmp_path, file):
    (tmp_path / file).write_bytes(b"")
    assert name_of(tmp_path / file) == "notes"


@pytest.mark.parametrize(
    ("app_json", "app"),
    [
        (json.dumps({"name": "from-json"}), "from-json"),
        (json.dumps({"name": "From JSON"}), "from-json"),
        (json.dumps({"name": 7}), "directory"),
        (json.dumps([]), "directory"),
        ("{broken", "directory"),
        (None, "directory"),
    ],
)
def test_app_json_names_the_app(tmp_path, app_json, app):
    directory = tmp_path / "directory"
    directory.mkdir()
    if app_json is not None:
        (directory / "app.json").write_text(app_json)
    assert name_of(directory) == app
