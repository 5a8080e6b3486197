import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twelve.core.formats import env_example


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        ("SECRET_KEY=\nDATABASE_URL=postgres://localhost/x\n", {"SECRET_KEY": 1, "DATABASE_URL": 2}),
        ("# A=1\n#B=2\nC=\n", {"C": 3}),  # commented out is optional
        ("export A=1\r\nB = 2\rC\n", {"A": 1, "B": 2, "C": 3}),  # export, blanks, any line end, no "="
        ("A: 1\n", {"A": 1}),  # the YAML form
        ("Copy this file to .env\n====\nA=1\n", {"A": 3}),  # prose and rulers are passed over
        ("1A=2\nA-B=3\n=4\n", {}),
        ('KEY="-----BEGIN\nNOT=a key\n-----END"\nB=1\n', {"KEY": 1, "B": 4}),  # a value over several lines
        ('A="open\nB="x"\n', {"A": 1, "B": 2}),  # a forgotten quote hides nothing
        ("A=1\nA=2\n", {"A": 1}),
        ("\ufeffA=1\n", {"A": 1}),
        ("", {}),
    ],
)
def test_the_keys_and_their_lines(source, keys):
    assert env_example.parse(source.encode()) == keys


def test_bytes_that_are_no_utf8_hide_nothing():
    assert env_example.parse(b"A=\xff\nB=1\n") == {"A": 1, "B": 2}


@settings(max_examples=200, deadline=None)
@given(data=st.text("AB='\"\\\n #:", max_size=40).map(str.encode) | st.binary(max_size=40))
def test_nothing_raises(data):
    assert all(line >= 1 for line in env_example.parse(data).values())
