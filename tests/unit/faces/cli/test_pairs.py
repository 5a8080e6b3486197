import pytest

from twelve.core.errors import UsageError
from twelve.faces.cli.pairs import read_pairs


def no_stdin():
    raise AssertionError("nobody asked for stdin")


def test_values_are_taken_as_they_are():
    words = ["A=1", "B=x=y", "C=", "D= blank ", "E=$HOME"]
    assert read_pairs(words, stdin=no_stdin) == {"A": "1", "B": "x=y", "C": "", "D": " blank ", "E": "$HOME"}


def test_a_dash_is_stdin_less_one_line_end():
    assert read_pairs(["KEY=-"], stdin=lambda: "two\nlines\n\n") == {"KEY": "two\nlines\n"}


def test_an_at_sign_is_a_file_as_it_is(tmp_path):
    (tmp_path / "ca.pem").write_text("-----\nAA==\n")
    assert read_pairs([f"CA=@{tmp_path}/ca.pem"], stdin=no_stdin) == {"CA": "-----\nAA==\n"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["KEY"], '"KEY" is not KEY=VALUE'),
        (["1KEY=x"], '"1KEY" is not a variable name'),
        (["=x"], '"" is not a variable name'),
        (["A=-", "B=-"], "Only one value"),
        (["A=@/no/such/file"], "cannot be read"),
    ],
)
def test_what_makes_no_sense_is_refused(words, told):
    with pytest.raises(UsageError, match=told):
        read_pairs(words, stdin=lambda: "")


def test_a_value_never_shows_in_a_refusal(tmp_path):
    binary = tmp_path / "key.der"
    binary.write_bytes(b"\xff\xfe secret")
    with pytest.raises(UsageError) as refused:
        read_pairs([f"KEY=@{binary}"], stdin=no_stdin)
    assert "secret" not in str(refused.value)
