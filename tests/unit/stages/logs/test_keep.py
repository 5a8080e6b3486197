import resource
import signal
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from twelve.stages.logs.chunks import Chunk
from twelve.stages.logs.hub import LogHub
from twelve.stages.logs.keep import HALF_BYTES, Keep

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
SMALL = 4096


def line(number: int, text: str = "x") -> Chunk:
    return Chunk(number, 1, NOON + timedelta(seconds=number), "app", "web.1", f"{text} {number}\n".encode())


def reopened(path, half_bytes=HALF_BYTES):
    return Keep(path, "another", half_bytes).kept


def test_the_next_one_finds_what_was_written(tmp_path):
    keep = Keep(tmp_path / "notes", "0badcafe")
    chunks = [
        Chunk(0, 2, NOON, "app", "web.1", b"one\ntwo\n"),
        Chunk(2, 1, NOON, "heroku", "router", b">raw\n", "serving"),
        Chunk(3, 1, NOON, "heroku", "router", b">raw\n", ""),
        Chunk(4, 1, NOON, "app", "wörker.1", b"\xff\x00\n"),
    ]
    for chunk in chunks:
        keep.lines(chunk)
    keep.hold("a", b"half a li")
    keep.hold("a", b"ne", more=True)
    keep.hold("b", b"gone")
    keep.hold("b", b"")
    keep.mark("drain", 3)
    kept = reopened(tmp_path / "notes")
    assert (kept.life, kept.chunks, kept.held, kept.marks) == ("0badcafe", chunks, {"a": b"half a line"}, {"drain": 3})


def test_it_goes_on_where_the_one_before_it_ended(tmp_path):
    for number in range(5):
        Keep(tmp_path / "notes", f"{number:08}").lines(line(number))
    kept = reopened(tmp_path / "notes")
    assert (kept.life, kept.chunks) == ("00000000", [line(number) for number in range(5)])


def test_a_record_that_was_cut_off_anywhere_is_none(tmp_path):
    path = tmp_path / "notes"
    keep = Keep(path, "0badcafe")
    keep.lines(line(0))
    whole = path.read_bytes()
    keep.lines(line(1))
    both = path.read_bytes()
    for cut in range(len(whole), len(both) - 3):  # the last three bytes are zeros
        path.write_bytes(both[:cut] + bytes(len(both) - cut))
        assert reopened(path).chunks == [line(0)], cut


def test_the_newest_lines_stay_and_the_file_does_not_grow(tmp_path):
    path = tmp_path / "notes"
    keep = Keep(path, "0badcafe", SMALL)
    keep.hold("a", b"begun")
    keep.mark("drain", 7)
    for number in range(1000):
        keep.lines(line(number))
    kept = reopened(path, SMALL)
    numbers = [chunk.first for chunk in kept.chunks]
    assert numbers[-1] == 999
    assert all(after == before + 1 for before, after in pairwise(numbers))
    assert len(numbers) * len(line(999).raw) > SMALL / 10
    assert (kept.held, kept.marks) == ({"a": b"begun"}, {"drain": 7})
    assert path.stat().st_size <= 2 * SMALL + 16


@pytest.mark.parametrize("content", [b"", b"junk", bytes(5000), b"twelve\x00\x01" + b"\xff" * 4096])
def test_what_is_no_such_file_is_begun_anew(tmp_path, content):
    (tmp_path / "notes").write_bytes(content)
    keep = Keep(tmp_path / "notes", "0badcafe")
    assert keep.kept.chunks == []
    keep.lines(line(0))
    assert reopened(tmp_path / "notes").chunks == [line(0)]


def test_a_full_disk_costs_the_file_and_not_the_lines(tmp_path):
    hub = LogHub(directory=tmp_path)
    hub.write("notes", "web.1", "before")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "notes").stat().st_size + 10, before[1]))
    try:
        hub.write("notes", "web.1", "while it is full")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    hub.write("notes", "web.1", "afterwards")
    assert [one.text for one in hub.history("notes", 9)] == ["before", "while it is full", "afterwards"]
    assert not (tmp_path / "notes").exists()


def test_a_reader_goes_on_with_the_next_server_without_gap_or_repetition(tmp_path):
    first = LogHub(directory=tmp_path)
    first.publish("notes", "app", "web.1", NOON, b"1\n2\n3\n")
    with first.tail("notes", lines=2) as tail:
        seen = tail.next(0)
    first.write("notes", "web.1", "nobody has seen this")
    second = LogHub(directory=tmp_path)
    second.write("notes", "web.1", "of the next server")
    with second.tail("notes", after=seen.cursor) as tail:
        assert [one.line.text for one in tail.batch(0)] == ["3", "nobody has seen this", "of the next server"]


def test_an_app_that_is_forgotten_leaves_nothing(tmp_path):
    hub = LogHub(directory=tmp_path)
    hub.write("notes", "web.1", "secret")
    hub.forget("notes")
    assert list(tmp_path.iterdir()) == []
    assert LogHub(directory=tmp_path).history("notes", 9) == []


class Reader:
    def __init__(self):
        self.lines, self.lost = [], 0

    def feed(self, chunk, start=0):
        self.lines += chunk.data.decode().splitlines()[start:]

    def missed(self, count, _since):
        self.lost += count


def test_who_follows_under_a_mark_goes_on_behind_it(tmp_path):
    first, one = LogHub(directory=tmp_path), Reader()
    first.write("notes", "web.1", "0")
    first.follow("notes", one, "drain")
    first.publish("notes", "app", "web.1", NOON, b"1\n2\n3\n")
    assert one.lines == ["1", "2", "3"]
    first.mark("notes", "drain", 2)
    second, other = LogHub(directory=tmp_path), Reader()
    second.follow("notes", other, "drain")
    assert other.lines == ["2", "3"]
    second.unmark("notes", "drain")
    third = Reader()
    second.follow("notes", third, "drain")
    assert third.lines == []


def test_lines_behind_a_mark_that_are_gone_are_counted(tmp_path):
    hub = LogHub(history=3, directory=tmp_path)
    hub.follow("notes", Reader(), "drain")
    hub.mark("notes", "drain", 1)
    for number in range(10):
        hub.write("notes", "web.1", str(number))
    reader = Reader()
    LogHub(history=3, directory=tmp_path).follow("notes", reader, "drain")
    assert (reader.lines, reader.lost) == (["7", "8", "9"], 6)
