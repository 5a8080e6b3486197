"""One-offs end with a code, ask only people, and tell how far they are."""

import io
import os
import pty
import subprocess
import sys

import pytest
from twelve_runtime import oneoff
from twelve_runtime.errors import (
    BUSY,
    CONFIG,
    UNAVAILABLE,
    USAGE,
    BadUrl,
    ConfigError,
    Problem,
    RuntimeProblem,
    Unreachable,
)


class Busy(RuntimeProblem):
    exit_code = BUSY


def raising(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    ("main", "code", "said"),
    [
        (lambda: None, 0, ""),
        (lambda: 3, 3, ""),
        (raising(ConfigError("Settings", [Problem("A", "is missing", "set it")])), CONFIG, "A is missing: set it."),
        (raising(BadUrl("That is no URL.")), CONFIG, "That is no URL.\n"),
        (raising(Unreachable("Redis did not answer.")), UNAVAILABLE, "Redis did not answer.\n"),
        (raising(Busy("Somebody does it.")), BUSY, "Somebody does it.\n"),
        (raising(oneoff.Unconfirmed("No.")), USAGE, "No.\n"),
        (raising(KeyboardInterrupt()), 130, ""),
        (raising(ValueError("redis://:hunter2@h")), 1, "ValueError: redis://:[redacted]@h\n"),
    ],
)
def test_exit_codes(main, code, said, capsys):
    with pytest.raises(SystemExit) as ended:
        oneoff.run(main)
    assert ended.value.code == code
    told = capsys.readouterr().err
    assert said in told
    assert bool(said) == bool(told)
    assert ("Traceback" in told) == (code == 1)


def test_nobody_is_asked_without_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(oneoff.Unconfirmed, match=r"Delete all\? Nobody can answer, as there is no terminal: say --yes"):
        oneoff.confirm("Delete all?")
    oneoff.confirm("Delete all?", yes=True)


PROGRAM = """
from twelve_runtime import oneoff
def main():
    oneoff.confirm("Delete all?")
    print("deleted")
    for _ in oneoff.progress(range(3), "notes"):
        pass
oneoff.run(main)
"""


@pytest.mark.parametrize(("answer", "code"), [(b"yes\n", 0), (b"n\n", 64), (b"\n", 64)])
def test_a_person_at_a_terminal_is_asked(answer, code):
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=theirs, stdout=subprocess.PIPE, stderr=theirs
    ) as process:
        os.close(theirs)
        os.write(ours, answer)
        output, _ = process.communicate(timeout=20)
    told = os.read(ours, 10_000).decode()
    os.close(ours)
    assert process.returncode == code
    assert "Delete all? [y/N]" in told
    assert output == (b"deleted\n" if code == 0 else b"")
    assert ("\r\x1b[K3 of 3 notes" in told) == (code == 0)


def test_progress_is_a_line_now_and_then_where_nobody_watches(capsys):
    assert list(oneoff.progress(iter("abc"), "letters", every=0)) == ["a", "b", "c"]
    assert capsys.readouterr().err == "1 letters\n2 letters\n3 letters\n3 letters\n"
    list(oneoff.progress([], "letters"))
    assert capsys.readouterr().err == "0 letters\n"


def test_a_lock_needs_one_place():
    with pytest.raises(TypeError, match="either postgres= or redis="), oneoff.only_one("x"):
        pass
