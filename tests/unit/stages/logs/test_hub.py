import threading
from datetime import UTC, datetime, timedelta

import pytest

from twelve.core.formats import log_line, router_line
from twelve.core.model import LogFilter
from twelve.stages.logs.chunks import LONGEST_LINE, whole_lines
from twelve.stages.logs.hub import LogHub
from twelve.stages.logs.tail import BUFFER_BYTES

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def texts(lines):
    return [line.text for line in lines]


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (b"a\nb\n", b"a\nb\n"),
        (b"a", b"a\n"),  # the last line of a process that ended
        (b"a\r\nb\r\n", b"a\nb\n"),
        (b"\n\n", b"\n\n"),  # empty lines are lines
        (b"x\ry\n", b"x\ry\n"),  # a carriage return inside belongs to the line
        (b"x" * LONGEST_LINE + b"\n", b"x" * LONGEST_LINE + b"\n"),
        (b"x" * (LONGEST_LINE + 1) + b"\n", b"x" * LONGEST_LINE + b"\nx\n"),
        (b"x" * (LONGEST_LINE - 1) + "é\n".encode(), b"x" * (LONGEST_LINE - 1) + "\né\n".encode()),
        (b"\x80" * (LONGEST_LINE + 1) + b"\n", b"\x80" * LONGEST_LINE + b"\n\x80\n"),  # no text at all
    ],
)
def test_whole_lines(raw, clean):
    assert whole_lines(raw) == clean


def test_a_long_line_in_the_middle_of_a_chunk_is_split():
    assert whole_lines(b"a\n" + b"x" * 25_000 + b"\nb\n").count(b"\n") == 5


def test_history_gives_the_last_lines_with_their_stamp_and_origin():
    hub = LogHub(clock=lambda: NOON)
    hub.publish("notes", "app", "web.1", NOON, b"one\ntwo\n")
    hub.write("notes", "web.1", "Starting process")
    lines = hub.history("notes", 2)
    assert texts(lines) == ["two", "Starting process"]
    assert [(line.stamp, line.source, line.process) for line in lines] == [
        (NOON, "app", "web.1"),
        (NOON, "heroku", "web.1"),
    ]


def test_history_as_text_is_the_same_lines_written_out():
    hub = LogHub(history=4)
    hub.publish("notes", "app", "web.1", NOON, b"one\n\ntwo\n\xff\n")
    hub.publish("notes", "app", "worker.1", NOON, b"other\n")
    hub.write("notes", "web.1", "Starting process")
    for lines in (1, 3, 100):
        for wanted in (LogFilter(), LogFilter(process="web.1"), LogFilter(source="heroku")):
            expected = [log_line.format(line) for line in hub.history("notes", lines, wanted)]
            assert "".join(hub.text("notes", lines, wanted)).splitlines() == expected


def test_history_is_bounded_in_lines_even_within_one_chunk():
    hub = LogHub(history=3)
    hub.publish("notes", "app", "web.1", NOON, b"1\n2\n3\n4\n5\n")
    assert texts(hub.history("notes", 100)) == ["3", "4", "5"]
    hub.publish("notes", "app", "web.1", NOON, b"6\n")
    assert texts(hub.history("notes", 100)) == ["4", "5", "6"]


def test_raw_lines_are_written_out_when_they_are_read_and_once(monkeypatch):
    hub, read = LogHub(history=3), []

    def translate(raw, mode):
        read.append((raw, mode))
        return raw.upper()

    monkeypatch.setattr(router_line, "translate", translate)
    with hub.tail("notes") as tail:
        hub.publish("notes", "heroku", "router", NOON, b"one\ntwo\n", "serving")
        hub.publish("notes", "app", "web.1", NOON, b"out\n")
        hub.publish("notes", "heroku", "router", NOON, b"three\n", "")
        assert read == []
        assert [item.line.text for item in tail.batch(0)] == ["ONE", "TWO", "out", "THREE"]
    assert texts(hub.history("notes", 10)) == ["TWO", "out", "THREE"]
    assert texts(hub.history("notes", 1)) == ["THREE"]
    assert read == [(b"one\ntwo\n", "serving"), (b"three\n", "")]  # once, whoever reads


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        (LogFilter(), ["out", "job", "routed", "state"]),
        (LogFilter(process="web"), ["out", "state"]),
        (LogFilter(process="web.1", source="app"), ["out"]),
        (LogFilter(source="router"), ["routed"]),
        (LogFilter(source="platform"), ["state"]),
        (LogFilter(source="heroku"), ["routed", "state"]),
    ],
)
def test_filters_apply_to_history_and_tail(wanted, seen):
    hub = LogHub()
    with hub.tail("notes", wanted) as tail:
        hub.publish("notes", "app", "web.1", NOON, b"out\n")
        hub.publish("notes", "app", "worker.1", NOON, b"job\n")
        hub.publish("notes", "heroku", "router", NOON, b"routed\n")
        hub.publish("notes", "heroku", "web.1", NOON, b"state\n")
        assert [item.line.text for item in tail.batch(0)] == seen
    assert texts(hub.history("notes", 10, wanted)) == seen


def test_binary_output_is_kept_and_shown_with_replacement():
    hub = LogHub()
    hub.publish("notes", "app", "web.1", NOON, b"\xff\xfe ok\n")
    assert texts(hub.history("notes", 1)) == ["�� ok"]


def test_a_reader_goes_on_behind_its_cursor_without_gap_or_repetition():
    hub = LogHub()
    hub.publish("notes", "app", "web.1", NOON, b"1\n2\n3\n4\n")
    with hub.tail("notes", lines=3) as tail:
        assert tail.next(0).line.text == "2"
        cursor = tail.next(0).cursor
    hub.publish("notes", "app", "web.1", NOON, b"5\n")
    with hub.tail("notes", after=cursor) as tail:
        assert [item.line.text for item in tail.batch(0)] == ["4", "5"]


def test_a_cursor_of_a_stream_that_is_gone_means_nothing_was_seen():
    hub = LogHub()
    hub.write("notes", "web.1", "new life")
    for foreign in ("deadbeef-7", "", "nonsense", "deadbeef-x"):
        assert [item.line.text for item in hub.tail("notes", after=foreign).batch(0)] == ["new life"]


def test_cursors_increase():
    hub = LogHub()
    hub.publish("notes", "app", "web.1", NOON, b"1\n2\n3\n")
    numbers = [int(item.cursor.rpartition("-")[2]) for item in hub.tail("notes", lines=3).batch(0)]
    assert numbers == sorted(set(numbers))


def test_a_slow_reader_loses_the_oldest_and_is_told_how_many():
    hub = LogHub()
    with hub.tail("notes") as tail:
        line = b"x" * 999 + b"\n"
        published = 0
        while published < 2 * BUFFER_BYTES // 64_000:
            hub.publish("notes", "app", "web.1", NOON + timedelta(seconds=published), line * 64)
            published += 1
        first = tail.next(0).line
        kept = 0
        while tail.next(0) is not None:
            kept += 1
    assert (first.source, first.process) == ("heroku", "logplex")
    assert first.text == (
        f"L11 (Tail buffer overflow) -> This tail session dropped {published * 64 - kept} messages since {NOON.isoformat()}"
    )
    assert kept > 0


def test_lines_gone_before_a_reader_came_back_are_counted():
    hub = LogHub(history=2)
    hub.publish("notes", "app", "web.1", NOON, b"1\n")
    cursor = hub.tail("notes", lines=1).next(0).cursor
    for number in range(2, 7):
        hub.publish("notes", "app", "web.1", NOON, b"%d\n" % number)
    seen = [item.line.text for item in hub.tail("notes", after=cursor).batch(0)]
    assert seen == [
        f"L11 (Tail buffer overflow) -> This tail session dropped 3 messages since {NOON.isoformat()}",
        "5",
        "6",
    ]


def test_a_waiting_reader_is_woken_by_a_line_and_by_the_end():
    hub = LogHub()
    tail = hub.tail("notes")
    got = []
    reader = threading.Thread(target=lambda: got.extend(item.line.text for item in tail))
    reader.start()
    hub.write("notes", "web.1", "hello")
    hub.forget("notes")
    reader.join(5)
    assert not reader.is_alive()
    assert got == ["hello"]
    assert hub.history("notes", 10) == []


def test_an_event_loop_is_woken_through_a_hook():
    hub, woken = LogHub(), []
    tail = hub.tail("notes", wake=lambda: woken.append(1))
    hub.write("notes", "web.1", "hello")
    assert woken
    assert [item.line.text for item in tail.batch(0)] == ["hello"]
    tail.close()
    assert tail.closed
    assert tail.batch(0) == []


def test_next_gives_up_after_its_timeout():
    assert LogHub().tail("notes").next(0.01) is None
