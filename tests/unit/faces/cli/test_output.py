from datetime import UTC, datetime

import click
import pytest

from twelve.core.errors import UsageError
from twelve.faces.cli.output import ago, aligned, colour_of, coloured, confirm_by_name, show_table


def test_columns_align_and_the_last_is_not_padded():
    assert aligned([["NAME", "STATE", "X"], ["web.1", "up", ""], ["worker.12", "crashed", "y"]]) == [
        "NAME       STATE    X",
        "web.1      up",
        "worker.12  crashed  y",
    ]


def test_a_table_without_rows_says_so(capsys):
    show_table(["A"], [], empty="Nothing here.")
    assert capsys.readouterr().out == "Nothing here.\n"


def test_a_table_is_plain_when_nobody_watches(capsys):
    show_table(["A", "B"], [["web.1", "up"], ["worker.1", None]], empty="")
    assert capsys.readouterr().out == "A         B\nweb.1     up\nworker.1\n"


def test_only_the_state_is_coloured():
    line = coloured("up.1  up  ./start-up", ["up.1", "up", "./start-up"])
    assert line == f"up.1  {click.style('up', fg='green')}  ./start-up"


@pytest.mark.parametrize(
    ("stamp", "told"),
    [
        ("2026-01-02T03:04:05Z", "0s ago"),
        ("2026-01-02T03:03:04Z", "1m ago"),
        ("2026-01-02T01:04:05Z", "2h ago"),
        ("2025-12-30T03:04:05Z", "3d ago"),
        ("2026-01-02T03:04:09Z", "0s ago"),
        (None, ""),
    ],
)
def test_ages(stamp, told):
    assert ago(stamp, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == told


def test_a_process_keeps_its_colour():
    assert colour_of("web.1") == colour_of("web.1") != colour_of("web.2")


def test_the_wrong_name_confirms_nothing():
    with pytest.raises(UsageError, match='"node" is not "notes"'):
        confirm_by_name("notes", "node", "")
    confirm_by_name("notes", "notes", "")
