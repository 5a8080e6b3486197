from datetime import UTC, datetime

import pytest

from twelve.core.formats import syslog
from twelve.core.formats.syslog import Message

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, UTC)
TOKEN = "d.fc6b856b-3332-4546-93de-7d0ee272c3bd"


def test_the_frame_of_tcp_is_exact():
    frame = syslog.tcp(Message(190, NOON, "app", "web.1", b"hello"), TOKEN)
    assert frame == b"99 <190>1 2026-11-22T12:00:00.123456+00:00 " + TOKEN.encode() + b" app web.1 - - hello\n"


def test_the_body_of_https_is_exact():
    body = syslog.http_body(
        [
            Message(190, NOON, "app", "web.1", b"hello"),
            Message(45, NOON.replace(microsecond=200_000), "heroku", "web.1", b"State changed from starting to up"),
        ]
    )
    assert body == (
        b"62 <190>1 2026-11-22T12:00:00.123456+00:00 host app web.1 - hello"
        b"92 <45>1 2026-11-22T12:00:00.200000+00:00 host heroku web.1 - State changed from starting to up"
    )


@pytest.mark.parametrize("text", ["grüße".encode(), b"\xff\xfe no text", b"", b"<14>1 as if it were a header"])
def test_the_count_is_of_bytes_and_the_bytes_are_untouched(text):
    for frame in (
        syslog.tcp(Message(190, NOON, "app", "web.1", text), TOKEN),
        syslog.http(Message(190, NOON, "app", "web.1", text)),
    ):
        count, _, rest = frame.partition(b" ")
        assert int(count) == len(rest)
        assert rest.removesuffix(b"\n").endswith(b"- " + text)


@pytest.mark.parametrize(
    ("source", "process", "wanted"),
    [
        ("app", "web.1", 190),
        ("app", "api.1", 190),  # a process type that happens to be called so
        ("heroku", "router", 158),
        ("heroku", "web.1", 45),
        ("app", "api", 134),
        ("heroku", "api", 134),
    ],
)
def test_priorities(source, process, wanted):
    assert syslog.priority(source, process) == wanted
