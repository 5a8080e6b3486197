import sys

import pytest

from twelve.core import errors
from twelve.faces.cli import start_server
from twelve.faces.cli.start_server import command, told


@pytest.mark.parametrize(
    ("word", "kind", "sentence"),
    [
        ("82 Port 4012 is taken.", errors.PortTaken, "Port 4012 is taken."),
        ("84 The state is corrupt.", errors.CorruptState, "The state is corrupt."),
        ("99 Something new.", errors.PlatformError, "Something new."),
        ("", errors.PlatformError, "The server ended before it was ready. `twelve server` shows why."),
    ],
)
def test_the_servers_last_word_becomes_our_error(word, kind, sentence):
    error = told(word)
    assert (type(error), str(error)) == (kind, sentence)


def test_a_server_whose_bytecode_could_not_be_kept_keeps_its_docstrings(monkeypatch, tmp_path):
    assert "-OO" in command()
    monkeypatch.setattr(start_server.os, "__file__", str(tmp_path / "gone" / "os.py"))
    assert command() == [sys.executable, "-I", "-X", "no_debug_ranges", "-m", "twelve.serve"]
