"""Lines a second, and CPU a line, through real pipes into the history. Prints one JSON line a figure.

The peer is a plain epoll reader of forty lines that prefixes and stamps every line and keeps none, in the same run.
"""

import json
import os
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from twelve.stages.logs.hub import LogHub
from twelve.stages.logs.pump import Pump

PROCESSES, LINES, LINE_BYTES, ROUNDS = 2, 400_000, 100, 3
WRITER = f"""
import os
block = b"".join(b"%0{LINE_BYTES - 1}d\\n" % n for n in range(1000))
for _ in range({LINES} // 1000):
    view = memoryview(block)
    while view:
        view = view[os.write(1, view):]
"""


def main() -> None:
    ours = [measure(through_the_hub) for _ in range(ROUNDS)]
    peers = [measure(yardstick) for _ in range(ROUNDS)]
    for place, (figure, unit) in enumerate([("lines", "1/s"), ("cpu a line", "us")]):
        value, peer = (statistics.median(round_[place] for round_ in rounds) for rounds in (ours, peers))
        report = {"bench": "logs", "figure": figure, "value": round(value, 3), "unit": unit}
        print(
            json.dumps(
                report | {"peer": "plain epoll reader", "peer_value": round(peer, 3), "ratio": round(value / peer, 3)}
            )
        )


def measure(reader: Callable[[list[int], list[subprocess.Popen[bytes]]], int]) -> tuple[float, float]:
    """Lines a second and CPU microseconds a line of this process; every line must have arrived."""
    writers, pipes = start_writers()
    wall, cpu = time.monotonic(), time.process_time()
    lines = reader(pipes, writers)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    assert lines == PROCESSES * LINES, f"{lines} of {PROCESSES * LINES} lines arrived"
    return lines / wall, cpu / lines * 1e6


def start_writers() -> tuple[list[subprocess.Popen[bytes]], list[int]]:
    writers, pipes = [], []
    for _ in range(PROCESSES):
        reading, writing = os.pipe()
        writers.append(subprocess.Popen([sys.executable, "-c", WRITER], stdout=writing))
        os.close(writing)
        pipes.append(reading)
    for pipe in pipes:  # begin when each has begun: the interpreter's start is not what is measured
        select.select([pipe], [], [])
    return writers, pipes


def through_the_hub(pipes: list[int], writers: list[subprocess.Popen[bytes]]) -> int:
    hub = LogHub()
    pump = Pump(hub.publish)
    pump.start()
    for number, pipe in enumerate(pipes, 1):
        pump.attach(pipe, "bench", f"web.{number}")
    for writer, pipe in zip(writers, pipes, strict=True):
        writer.wait()
        pump.finish(pipe)
    pump.stop()
    cursor = hub.tail("bench", lines=1).batch(0)[-1].cursor
    return int(cursor.rpartition("-")[2])  # cursors count the app's lines


def yardstick(pipes: list[int], writers: list[subprocess.Popen[bytes]]) -> int:
    epoll = select.epoll()
    carries = dict.fromkeys(pipes, b"")
    names = {pipe: f"app[web.{number}]: ".encode() for number, pipe in enumerate(pipes, 1)}
    lines = 0
    for pipe in pipes:
        epoll.register(pipe, select.EPOLLIN)
    with Path(os.devnull).open("wb", buffering=0) as out:
        while carries:
            for pipe, _ in epoll.poll():
                data = os.read(pipe, 1 << 16)
                if not data:
                    epoll.unregister(pipe)
                    del carries[pipe]
                    os.close(pipe)
                    continue
                *whole, carries[pipe] = (carries[pipe] + data).split(b"\n")
                prefix = datetime.now(UTC).isoformat(timespec="microseconds").encode() + b" " + names[pipe]
                lines += len(whole)
                if whole:
                    out.write(prefix + (b"\n" + prefix).join(whole) + b"\n")
    for writer in writers:
        writer.wait()
    return lines


if __name__ == "__main__":
    main()
