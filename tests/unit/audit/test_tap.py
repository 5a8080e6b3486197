"""What passes by on its way to Redis: commands in pieces, and which of them take a job from where."""

import pytest

from twelve.audit.probes.resp import Commands
from twelve.audit.probes.tap import Taking, Tap, taking


def wire(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_commands_are_read_however_they_are_cut(size):
    raw = wire(b"BLPOP", b"jobs", b"0") + wire(b"SET", b"a", b"\r\n*1\r\n") + wire(b"PING")
    commands, found = Commands(), []
    for start in range(0, len(raw), size):
        found += commands.feed(raw[start : start + size])
    assert found == [[b"BLPOP", b"jobs", b"0"], [b"SET", b"a", b"\r\n*1\r\n"], [b"PING"]]


@pytest.mark.parametrize(
    "junk", [b"PING\r\n", b"*x\r\n", b"*1\r\n:1\r\n", b"*1\r\n$x\r\n", b"*-1\r\n", b"\0" * 2_000_000]
)
def test_what_is_no_array_of_strings_gives_nothing(junk):
    assert list(Commands().feed(junk)) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"BLPOP jobs other 0", Taking("BLPOP", b"jobs")),
        (b"rpop jobs", Taking("RPOP", b"jobs")),
        (b"BLMOVE jobs doing LEFT RIGHT 0", Taking("BLMOVE", b"jobs")),
        (b"BZPOPMIN later 0", Taking("BZPOPMIN", b"later")),
        (b"XREADGROUP GROUP g me COUNT 1 BLOCK 5 STREAMS jobs >", Taking("XREADGROUP", b"jobs", b"g")),
        (b"xreadgroup group g me streams jobs >", Taking("XREADGROUP", b"jobs", b"g")),
        (b"XREADGROUP GROUP", None),
        (b"XREADGROUP GROUP g me STREAMS", None),
        (b"LRANGE jobs 0 -1", None),
        (b"BLPOP", None),
        (b"", None),
    ],
)
def test_what_takes_from_where(line, found):
    assert taking(line.split()) == found


def test_kinds():
    kinds = [taking(line.split()).kind for line in (b"LPOP a", b"ZPOPMIN a", b"XREADGROUP GROUP g m STREAMS a >")]
    assert kinds == ["list", "zset", "stream"]


def test_the_answer_with_the_marker_is_held_back_even_when_it_comes_in_pieces():
    with Tap() as tap:
        assert tap.passes(b"$6\r\nmarker\r\n", 1, answer=True)
        tap.hold(b"marker")
        assert tap.passes(wire(b"PUBLISH", b"a", b"marker"), 1, answer=False)
        assert tap.passes(b"$6\r\nmar", 1, answer=True)
        assert tap.passes(b"ker", 2, answer=True)
        assert not tap.held
        assert not tap.passes(b"ker\r\n", 1, answer=True)
        assert tap.held


def test_a_library_that_keeps_its_own_books_is_known():
    with Tap() as tap:
        tap.passes(wire(b"SMEMBERS", b"_kombu.binding.celery") + wire(b"BRPOP", b"celery", b"1"), 1, answer=False)
        assert (tap.library, tap.takings) == ("Celery", [Taking("BRPOP", b"celery")])
