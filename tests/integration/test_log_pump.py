"""Real pipes and real processes into the log stream."""

import os
import subprocess
import sys
import time

import pytest

from twelve.stages.logs.chunks import LONGEST_LINE
from twelve.stages.logs.hub import LogHub
from twelve.stages.logs.pump import MUCH, REST, Pump

pytestmark = pytest.mark.integration


@pytest.fixture
def hub():
    return LogHub(history=1_000_000)


@pytest.fixture
def pump(hub):
    pump = Pump(hub)
    pump.start()
    yield pump
    pump.stop()


def spawn(code: str):
    reading, writing = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=writing, stderr=writing)
    os.close(writing)
    return process, reading


def texts(hub, app="notes"):
    return [line.text for line in hub.history(app, 1_000_000)]


def wait_for(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def test_lines_of_a_process_arrive_in_order_with_the_unfinished_last_one(hub, pump):
    process, fd = spawn("import sys; print('one\\r'); print(); sys.stdout.write('two')")
    pump.attach(fd, "notes", "web.1", "one")
    assert process.wait() == 0
    pump.finish(fd)
    assert texts(hub) == ["one", "", "two"]
    with pytest.raises(OSError):
        os.fstat(fd)


def test_an_unfinished_line_waits_for_its_end(hub, pump):
    reading, writing = os.pipe()
    pump.attach(reading, "notes", "web.1", "one")
    os.write(writing, b"begin\nhalf")
    wait_for(lambda: texts(hub) == ["begin"])
    os.write(writing, b" and half\n")
    wait_for(lambda: texts(hub) == ["begin", "half and half"])
    os.close(writing)
    pump.finish(reading)


def test_long_lines_are_split_between_characters(hub, pump):
    process, fd = spawn("print('é' * 12_345)")
    pump.attach(fd, "notes", "web.1", "one")
    process.wait()
    pump.finish(fd)
    assert "".join(texts(hub)) == "é" * 12_345
    assert all(len(text.encode()) <= LONGEST_LINE for text in texts(hub))
    assert len(texts(hub)) == 3


def test_nothing_is_lost_from_many_processes_at_once(hub, pump):
    count, lines = 8, 20_000
    started = [spawn(f"for i in range({lines}): print('p{n}', i)") for n in range(count)]
    for number, (_, fd) in enumerate(started):
        pump.attach(fd, "notes", f"web.{number}", str(number))
    for process, fd in started:
        assert process.wait() == 0
        pump.finish(fd)
    found = {f"web.{n}": [] for n in range(count)}
    for line in hub.history("notes", 1_000_000):
        found[line.process].append(line.text)
    for number in range(count):
        assert found[f"web.{number}"] == [f"p{number} {i}" for i in range(lines)]


def test_after_much_it_rests_so_that_a_flood_waits_at_its_pipe(hub):
    """However busy the machine is: no more turns with much in them than there were rests."""

    class Counted(Pump):
        turns = 0

        def _serve(self, pipe):
            got = super()._serve(pipe)
            self.turns += got >= MUCH
            return got

    pump = Counted(hub)
    process, fd = spawn("import os\nblock = (b'x' * 99 + b'\\n') * 40\nfor _ in range(5000): os.write(1, block)")
    begun = time.monotonic()
    pump.start()
    pump.attach(fd, "notes", "web.1", "one")
    process.wait()
    pump.finish(fd)
    pump.stop()
    assert 0 < pump.turns <= (time.monotonic() - begun) / REST + 1


def test_the_end_of_a_process_gives_its_last_lines(hub, pump):
    process, fd = spawn("[print('line', i) for i in range(5000)]; print('the reason', end='')")
    pump.attach(fd, "notes", "web.1", "one")
    process.wait()
    last = pump.finish(fd)
    assert len(last) == 20
    assert last[-3:] == ("line 4998", "line 4999", "the reason")
    assert pump.finish(fd) == ()


def test_finish_does_not_wait_for_a_descendant_that_writes_on(hub, pump):
    process, fd = spawn("import os\nif os.fork() == 0:\n  while True: print('x' * 100)")
    pump.attach(fd, "notes", "web.1", "one")
    process.wait()
    begun = time.monotonic()
    pump.finish(fd)  # its end of the pipe is gone: the descendant dies of SIGPIPE
    assert time.monotonic() - begun < 2


def test_a_pipe_without_a_writer_costs_no_time_and_serves_the_next_one(hub, pump, tmp_path):
    fifo = tmp_path / "out"
    os.mkfifo(fifo)
    fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    pump.attach(fd, "notes", "web.1", "one")
    fifo.write_text("first\n")
    wait_for(lambda: texts(hub) == ["first"])
    used = time.process_time()
    time.sleep(0.2)
    assert time.process_time() - used < 0.1
    fifo.write_text("second\n" * 20_000)  # more than one read
    wait_for(lambda: len(texts(hub)) == 20_001)
    pump.finish(fd)


def test_what_comes_after_the_rest_waits_for_the_next_server(hub, pump):
    reading, writing = os.pipe()
    pump.attach(reading, "notes", "web.1", "one")
    os.write(writing, b"before\n")
    wait_for(lambda: texts(hub) == ["before"])
    pump.rest()
    os.write(writing, b"after\n")
    os.set_blocking(reading, False)
    assert os.read(reading, 100) == b"after\n"
    assert texts(hub) == ["before"]
    os.close(writing)


def test_the_next_server_ends_a_line_that_this_one_began(tmp_path):
    reading, writing = os.pipe()
    first = LogHub(directory=tmp_path)
    pump = Pump(first)
    pump.start()
    pump.attach(os.dup(reading), "notes", "web.1", "one")
    os.write(writing, b"whole\nbe")
    wait_for(lambda: texts(first) == ["whole"])
    os.write(writing, b"gun")
    wait_for(lambda: first.held("notes", "one") == b"begun")
    pump.stop()
    second = LogHub(directory=tmp_path)
    pump = Pump(second)
    pump.start()
    pump.attach(reading, "notes", "web.1", "one")
    os.write(writing, b" and ended\n")
    wait_for(lambda: texts(second) == ["whole", "begun and ended"])
    assert second.held("notes", "one") == b""
    pump.stop()
    os.close(writing)
