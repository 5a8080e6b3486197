"""The pure parts of single commands."""

import io

import pytest

from twelve.core.errors import UsageError
from twelve.faces.cli.commands.config import told
from twelve.faces.cli.commands.drains import read
from twelve.faces.cli.commands.releases import changes
from twelve.faces.cli.commands.restart import resource
from twelve.faces.cli.commands.retrain import _end
from twelve.faces.cli.commands.run import shell_line
from twelve.faces.cli.commands.scale import update
from twelve.faces.cli.tell import Told


@pytest.mark.parametrize(
    ("change", "meant"),
    [
        ("web=3", {"type": "web", "quantity": "3"}),
        ("web+1", {"type": "web", "quantity": "+1"}),
        ("my-worker-2", {"type": "my-worker", "quantity": "-2"}),
        ("my-worker-2=1", {"type": "my-worker-2", "quantity": "1"}),
        ("web=2:standard-2x", {"type": "web", "quantity": "2", "size": "standard-2x"}),
        ("web=:basic", {"type": "web", "size": "basic"}),
    ],
)
def test_scale(change, meant):
    assert update(change) == meant


@pytest.mark.parametrize("change", ["web", "web=", "=3", "web=x", "web=1.5", "web=-1", ""])
def test_scale_refuses(change):
    with pytest.raises(UsageError, match="TYPE=N"):
        update(change)


def test_run_joins_words_but_not_a_single_line():
    assert shell_line(("echo $DYNO | wc -c",)) == "echo $DYNO | wc -c"
    assert shell_line(("python", "-c", "print('a b')")) == """python -c 'print('"'"'a b'"'"')'"""


def test_restart_names_what_is_meant():
    assert [resource(target) for target in (None, "web", "web.1")] == ["dynos", "formations/web", "dynos/web.1"]


def test_config_says_which_keys_and_never_a_value():
    assert told({"B": "secret", "A": "", "C": None}) == "Set A, B; Removed C"


def test_a_drain_is_named_on_the_line_or_read_from_stdin(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("https://user:hush@a.example/\n"))
    assert [read(word) for word in ("d.1", "-")] == ["d.1", "https://user:hush@a.example/"]


def test_a_diff_tells_config_by_key_only():
    old = {"KEPT": "same", "GONE": "secret-1", "CHANGED": "secret-2"}
    new = {"KEPT": "same", "NEW": "secret-3", "CHANGED": "secret-4"}
    assert changes("config", old, new) == ["~ config CHANGED", "- config GONE", "+ config NEW"]


def test_a_diff_tells_commands_in_full():
    assert changes("process type", {"web": "a"}, {"web": "b"}) == ["~ process type web  a  b"]


def test_a_retraining_ends_with_its_checks_and_the_exit_code_of_its_end(capsys):
    check = {"check": "holdout", "ok": False, "value": 2.0, "limit": 1.0, "detail": "worse"}
    good = {"check": "average_precision", "ok": True, "value": None, "limit": None, "detail": ""}
    checks = [check, good]
    one = {
        "state": "refused", "reason": "digits@2 is refused.", "checks": checks, "promoted": None, "exit_code": 52,
        "exit_status": 0, "dyno": "train.9251", "app": {"name": "digits"},
    }  # fmt: skip
    with pytest.raises(Told) as told:
        _end(one, as_json=False)
    assert told.value.exit_code == 52
    said = capsys.readouterr()
    assert said.out == "  FAIL holdout            2, limit 1  worse\n  ok   average_precision\n"
    assert said.err == "refused: digits@2 is refused.\n"
    with pytest.raises(Told):
        _end(one | {"state": "failed", "reason": "It failed.", "checks": [], "exit_status": 78}, as_json=False)
    assert capsys.readouterr().err == "failed: It failed. `twelve logs -a digits --ps train.9251` shows why.\n"
    good = one | {
        "state": "promoted",
        "checks": [check | {"ok": True, "value": None}],
        "promoted": {"version": 4},
        "exit_code": 0,
    }
    _end(good, as_json=False)
    assert capsys.readouterr().out == "  ok   holdout  worse\npromoted: digits@2 is refused. v4 serves it.\n"
