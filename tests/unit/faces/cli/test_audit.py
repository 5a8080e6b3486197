"""`twelve audit`: the exit code says whether something new of the asked level was found."""

import json

import pytest

from twelve.faces.cli.main import run

WARNING = {"app.py": "import logging\nlogging.getLogger().addHandler(logging.FileHandler('a.log'))\n"}


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.setenv("TWELVE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TWELVE_HOME", str(tmp_path / "home"))
    root = tmp_path / "app"
    root.mkdir()
    for name, text in WARNING.items():
        (root / name).write_text(text)
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 1),
        (["."], 1),
        (["--fail-on", "never"], 0),
        (["--factor", "XI"], 1),
        (["--factor", "VII", "--fail-on", "error"], 0),
        (["--factor", "XIII"], 2),
        (["--format", "pdf"], 2),
        (["nowhere"], 2),
        (["--write-baseline"], 2),
        (["--baseline", "nothing.json"], 2),
        (["--diff-base", "main"], 2),
        (["--output", "no/such/directory"], 2),
        (["--explain", "TF99-nothing"], 3),
        (["--explain", "TF11-file-handler"], 0),
    ],
)
def test_exit_codes(app, words, code):
    assert run(["audit", *words]) == code


def test_a_baseline_makes_the_old_silent_and_the_new_loud(app, capsys):
    assert run(["audit", "--baseline", "b.json", "--write-baseline"]) == 0
    assert run(["audit", "--baseline", "b.json"]) == 0
    (app / "new.py").write_text("from logging import FileHandler\nh = FileHandler('b.log')\n")
    capsys.readouterr()
    assert run(["audit", "--baseline", "b.json", "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert {one["known"] for one in found if one["file"] == "app.py"} == {"in the baseline"}
    assert {one["known"] for one in found if one["file"] == "new.py"} == {""}


@pytest.mark.parametrize("form", ["text", "json", "sarif", "junit", "html", "markdown"])
def test_a_report_goes_to_a_file(app, form, capsys):
    run(["audit", "--format", form, "--output", "report"])
    assert capsys.readouterr().out == ""
    assert "TF11-file-handler" in (app / "report").read_text()


def test_an_ignore_with_a_reason_counts(app):
    (app / "app.py").write_text(
        "import logging\n# twelve: ignore[TF11-file-handler] the log is the product\nh = logging.FileHandler('a.log')\n"
    )
    assert run(["audit", "--factor", "XI"]) == 0
