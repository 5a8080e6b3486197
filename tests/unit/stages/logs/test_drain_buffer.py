import threading
from datetime import UTC, datetime, timedelta

from twelve.core.policy.drain import NONE, Losses
from twelve.stages.logs.chunks import Chunk
from twelve.stages.logs.drains.buffer import Buffer

NOON = datetime(2026, 6, 9, 12, tzinfo=UTC)


def chunk(lines, *, second=0, source="app"):
    data = b"".join(b"%s\n" % line for line in lines)
    return Chunk(0, len(lines), NOON + timedelta(seconds=second), source, "web.1", data)


def texts(batch):
    return [message.text for message in batch.messages]


def numbers(first, end):
    return [str(number).encode() for number in range(first, end)]


def test_lines_come_out_as_they_went_in_with_their_stamps_and_priorities():
    buffer = Buffer()
    buffer.feed(chunk([b"one", b"", b"\xff"]))
    buffer.feed(chunk([b"up"], second=1, source="heroku"))
    batch = buffer.take(100_000)
    assert texts(batch) == [b"one", b"", b"\xff", b"up"]
    assert [message.priority for message in batch.messages] == [190, 190, 190, 45]
    assert batch.messages[-1].stamp == NOON + timedelta(seconds=1)
    assert batch.losses == NONE


def test_the_newest_are_kept_to_the_line_and_the_others_counted_once():
    buffer = Buffer(most=10)
    buffer.feed(chunk(numbers(0, 7)))
    buffer.feed(chunk(numbers(7, 14), second=1))
    buffer.feed(chunk(numbers(14, 15), second=2))
    batch = buffer.take(100_000)
    assert texts(batch) == numbers(5, 15)
    assert batch.losses == Losses(5, NOON)
    assert buffer.take(100_000).losses == NONE


def test_a_chunk_larger_than_the_buffer_loses_its_beginning():
    buffer = Buffer(most=3)
    buffer.feed(chunk(numbers(0, 1000)))
    assert buffer.take(100_000) == ([*buffer_messages(numbers(997, 1000))], Losses(997, NOON), 1000)


def buffer_messages(lines):
    fresh = Buffer()
    fresh.feed(chunk(lines))
    return fresh.take(100_000).messages


def test_a_frame_takes_about_as_much_as_it_may_and_at_least_one_message():
    buffer = Buffer()
    buffer.feed(chunk([b"x" * 900] * 10))
    assert len(buffer.take(2000).messages) == 3
    assert len(buffer.take(1).messages) == 1
    assert len(buffer.take(100_000).messages) == 6
    assert not buffer.wait(0)


def test_a_batch_says_how_far_it_reaches():
    buffer = Buffer()
    buffer.feed(chunk(numbers(0, 10)), 4)
    first, second = buffer.take(250), buffer.take(100_000)
    assert texts(first) + texts(second) == numbers(4, 10)
    assert (first.reached, second.reached) == (4 + len(first.messages), 10)


def test_whoever_waits_wakes_at_a_message_and_at_the_end():
    buffer = Buffer()
    threading.Timer(0.01, buffer.feed, [chunk([b"one"])]).start()
    assert buffer.wait(10)
    buffer.take(1000)
    threading.Timer(0.01, buffer.end).start()
    assert not buffer.wait(10)
    buffer.feed(chunk([b"too late"]))
    assert not buffer.wait(0)
