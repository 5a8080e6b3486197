"""Lines leave whole, in order, and never make anybody wait."""

import asyncio
import json
import os
import time

import pytest
from twelve_runtime.ml.emit import LONGEST, Stdout


@pytest.fixture
def pipe():
    read, write = os.pipe()
    yield read, write
    os.close(read)


def drained(read, write, out=None):
    os.close(write)
    if out is not None:
        os.close(out._quick)
    pieces = []
    while piece := os.read(read, 1 << 16):
        pieces.append(piece)
    return b"".join(pieces).splitlines()


def test_a_pipe_that_nobody_reads_stops_nobody_and_what_is_lost_is_told(pipe):
    read, write = pipe
    out = Stdout(write, limit=50)
    began = time.monotonic()
    for number in range(1000):
        out.line(b"%04d %s\n" % (number, b"x" * 1000))
    assert time.monotonic() - began < 1
    os.set_blocking(read, False)
    text, deadline, numbers, lost = b"", time.monotonic() + 10, [], 0
    while len(numbers) + lost < 1000:
        assert time.monotonic() < deadline
        try:
            text += os.read(read, 1 << 16)
        except BlockingIOError:
            time.sleep(0.01)
        lines = text.splitlines(keepends=True)
        numbers = [int(line[:4]) for line in lines if line.endswith(b"\n") and not line.startswith(b"{")]
        lost = sum(json.loads(line)["lines"] for line in lines if line.endswith(b"}\n"))
    assert len(numbers) + lost == 1000
    assert lost > 0
    assert numbers == sorted(numbers)
    drained(read, write, out)


def test_the_lines_of_a_turn_leave_together_in_pieces_that_are_never_divided(pipe):
    read, write = pipe
    out = Stdout(write)
    sizes = []
    out._write, wrote = lambda line: (sizes.append(len(line)), wrote(line)), out._write

    async def turn():
        out.on(asyncio.get_running_loop())
        for number in range(10):
            out.line(b"%d %s\n" % (number, b"x" * 1200))
        assert len(sizes) == 3
        await asyncio.sleep(0)

    asyncio.run(turn())
    assert [len(line) for line in drained(read, write, out)] == [1202] * 10
    assert len(sizes) == 4
    assert max(sizes) <= LONGEST


def test_a_file_gets_its_lines(tmp_path):
    descriptor = os.open(tmp_path / "lines", os.O_CREAT | os.O_WRONLY)
    out = Stdout(descriptor)
    out.event("drift", feature="x")
    found = json.loads((tmp_path / "lines").read_text())
    assert (found["event"], found["schema"], found["feature"]) == ("drift", 1, "x")
    assert found["ts"].endswith("Z")
    os.close(descriptor)


def test_a_child_starts_with_an_empty_queue(pipe):
    read, write = pipe
    out = Stdout(write)
    out._held.append(b"of the parent\n")
    if not (pid := os.fork()):
        out.line(b"of the child\n")
        out.flush()
        os._exit(0)
    os.waitpid(pid, 0)
    assert drained(read, write, out) == [b"of the child"]


def test_a_reader_that_has_gone_is_no_concern(pipe):
    _, write = pipe
    out = Stdout(write)
    read, _ = pipe
    os.dup2(write, read)  # the last reader
    out.line(b"to nobody\n")
    os.close(write)
    os.close(out._quick)
