"""The table of commands: complete, true, and cheap to show."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from twelve.faces.cli.family import with_verb
from twelve.faces.cli.group import COMMANDS, SECTIONS, cli


def everything():
    return list(_everything())


def _everything():
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", found) for inner, found in command.commands.items())


@pytest.mark.parametrize(("name", "command"), everything(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_command_explains_itself(name, command):
    assert command.help
    if " " not in name:
        assert COMMANDS[name].section in SECTIONS
        assert command.name == name


def test_every_noun_lists():
    families = [command for _, command in everything() if isinstance(command, click.Group)]
    assert len(families) > 5
    assert all("list" in family.commands for family in families)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ([], ["list"]),
        (["--json"], ["list", "--json"]),
        (["-a", "x"], ["list", "-a", "x"]),
        (["--help"], ["--help"]),
        (["set", "A=1"], ["set", "A=1"]),
    ],
)
def test_a_noun_without_a_verb_lists(words, meant):
    assert with_verb(words) == meant


def test_help_imports_no_command():
    probe = "import sys; from twelve.faces.cli.main import main; main(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    for heavy in (
        "twelve.faces.cli.client",
        "twelve.faces.cli.commands",
        "http.client",
        "websockets",
        "sqlalchemy",
        "rich",
    ):
        assert f"'{heavy}'" not in done.stderr


def test_ps_imports_neither_server_nor_terminal():
    probe = "import sys, twelve.faces.cli.commands.ps; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    for heavy in ("websockets", "sqlalchemy", "fastapi", "starlette", "cryptography", "rich", "pathspec"):
        assert f"'{heavy}'" not in done.stdout


def test_the_page_of_commands_is_what_they_say():
    script = Path(__file__).parents[4] / "script" / "docs.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_command_is_on_the_page():
    page = (Path(__file__).parents[4] / "docs" / "commands.md").read_text()
    missing = [name for name, _ in everything() if f"### `twelve {name}`" not in page]
    assert missing == []
