"""How a command line ends: exit codes, one sentence, never a traceback."""

import errno
import os
import subprocess
import sys

import click
import pytest

from twelve.core.errors import BadDotenv, ServerUnreachable, TwelveError, Where
from twelve.faces.cli import main as entry
from twelve.faces.cli.tell import Told, tell


@pytest.fixture
def nobody(tmp_path, monkeypatch):
    """A TWELVE_HOME where nothing has ever run."""
    monkeypatch.setenv("TWELVE_HOME", str(tmp_path))
    monkeypatch.delenv("TWELVE_DEBUG", raising=False)


def test_no_server(nobody, capsys):
    assert entry.main(["ps", "--app", "notes"]) == ServerUnreachable.exit_code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "twelve: twelve is not running here. Start it with `twelve up` or `twelve server`.\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["pss"], "Did you mean `twelve ps`?"),
        (["ps", "--nope"], "Try `twelve ps --help`."),
        (["config", "set"], "Missing argument"),
        (["config", "frobnicate"], "frobnicate"),
        (["logs", "-n", "0"], "0"),
        (["scale", "web"], "TYPE=N"),
        (["help", "nothing"], "there is no command"),
    ],
)
def test_usage_errors_are_one_line_and_2(nobody, capsys, words, told):
    assert entry.main(words) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert told in line


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (
            TwelveError("It broke.", where=Where("Procfile", 3), log=("last words",)),
            1,
            "    last words\ntwelve: Procfile:3: It broke.\n",
        ),
        (BadDotenv("Odd.", where=Where(".env", 1, 2), log=(".env:1:2: error: odd",)), 31, "twelve: .env:1:2: Odd.\n"),
        (Told("told already", 21), 21, ""),
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), 83, "/tmp/x: No space left on device.\n"),
        (
            ZeroDivisionError("division by zero"),
            1,
            "twelve: this is a defect of twelve: ZeroDivisionError: division by zero.",
        ),
        (click.Abort(), 2, "nothing was done"),
    ],
)
def test_every_error_has_its_code(nobody, capsys, error, code, told):
    assert tell(error) == code
    shown = capsys.readouterr().err
    assert told in shown
    assert shown.count("\n") <= 2


def test_debug_shows_the_traceback(monkeypatch, capsys):
    monkeypatch.setenv("TWELVE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError) as raised:
        divmod(1, 0)
    tell(raised.value)
    assert "Traceback" in capsys.readouterr().err


def test_whoever_stops_reading_gets_silence():
    pipe = f"{sys.executable} -m twelve help config | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", pipe], capture_output=True, text=True, check=False)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


@pytest.mark.parametrize(("words", "code"), [(["--help"], 80), (["nonsense"], 2), (["down", "--json", "x"], 2)])
def test_a_lost_terminal_changes_no_exit_code(words, code):
    far, near = os.openpty()
    os.close(far)
    try:
        done = subprocess.run([sys.executable, "-m", "twelve", *words], stdout=near, stderr=near, check=False)
    finally:
        os.close(near)
    assert done.returncode == code
