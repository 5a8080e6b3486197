"""What no table can hold: any mapping survives writing and reading, and no input at all raises."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twelve.core.errors import ConfigError
from twelve.core.formats import dotenv, procfile

KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)
NASTY = st.text("'\"\\$#= \t\r\nnx{}`é\u2028", max_size=12)
VALUES = NASTY | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
LINES = st.text("webA_=:'\"\\#$ \t\r\n\0\ufeff+-.", max_size=60).map(str.encode)

TYPES = st.from_regex(r"[A-Za-z0-9_-]*[A-Za-z0-9]", fullmatch=True).filter(lambda name: len(name) <= 63)
COMMANDS = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), min_size=1, max_size=30)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_a_written_dotenv_reads_back_as_it_was(mapping):
    result, notes = dotenv.parse(dotenv.dump(mapping).encode())
    assert (list(result.items()), notes) == (list(mapping.items()), [])


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_a_crlf_checkout_of_a_written_dotenv_means_the_same(mapping):
    assert dotenv.parse(dotenv.dump(mapping).replace("\n", "\r\n").encode()) == (mapping, [])


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(TYPES, COMMANDS.map(lambda c: c.strip(" \t")).filter(lambda c: c and c[0] != "#"), max_size=5))
def test_a_procfile_of_any_types_and_commands_reads_back(types):
    result, notes = procfile.parse("".join(f"{name}: {command}\n" for name, command in types.items()).encode())
    assert list(result.items()) == list(types.items())
    assert not [note for note in notes if note.level == "error"]


@pytest.mark.parametrize("parse", [procfile.parse, dotenv.parse])
@settings(max_examples=400, deadline=None)
@given(data=LINES | st.binary(max_size=60))
def test_nothing_raises_and_findings_are_in_order_and_in_the_file(parse, data):
    _, notes = parse(data)
    lines = [note.line for note in notes]
    assert lines == sorted(lines)
    assert all(1 <= line <= data.count(b"\n") + data.count(b"\r") + 1 for line in lines)
    assert all(note.column >= 1 for note in notes)


@settings(max_examples=200, deadline=None)
@given(data=LINES)
def test_findings_can_always_be_shown(data):
    notes = procfile.parse(data)[1]
    shown = procfile.render(notes, data)
    assert len([line for line in shown if line.startswith("Procfile:")]) == len(notes)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", "A=\n"),
        ("postgres://u:p@h:5432/d", "A=postgres://u:p@h:5432/d\n"),  # bare: nothing in it means anything
        ("a b", "A='a b'\n"),  # single quotes: read literally by most tools
        ("$x \\n", "A='$x \\n'\n"),
        ("it's", 'A="it\'s"\n'),
        ("it's $1\n", 'A="it\'s \\$1\\n"\n'),  # double quotes only where single ones cannot hold it
    ],
)
def test_how_a_value_is_written(value, text):
    assert dotenv.dump({"A": value}) == text


@pytest.mark.parametrize("mapping", [{"A-B": "x"}, {"": "x"}, {"A": "x\0"}])
def test_what_a_dotenv_cannot_hold_is_refused(mapping):
    with pytest.raises(ConfigError):
        dotenv.dump(mapping)


def test_many_open_quotes_take_linear_time():
    assert dotenv.parse(b'A="' + b'\\"' * 400_000)[1][0].code == "unterminated-quote"
