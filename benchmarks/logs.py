"""Merged log lines a second, and CPU a line, beside other managers in one run. Prints one JSON line a figure.

Two writers with lines of 100 bytes, each through a pipe. Ours: the pump and the history of the server, in a process of
their own. A line is kept as it came, with its moment and its origin, and becomes text when somebody reads; so there is
a figure for both together too, as if every line were read once. Others: what they write to a file is counted until the
last line has arrived; honcho and the epoll reader merge and prefix, supervisord and circus copy each process to a file
of its own. CPU is that of all of a manager's own processes; the writers' is not counted.
"""

import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import contenders  # noqa: E402 - beside this file
from gate import Gate  # noqa: E402

from twelve.stages.logs.hub import LogHub  # noqa: E402
from twelve.stages.logs.pump import Pump  # noqa: E402
from twelve.stages.run.local import tree  # noqa: E402

PROCESSES, LINES, LINE_BYTES, ROUNDS = 2, 400_000, 100, 5
GOALS = {"lines": 800_000, "cpu": 0.7}
WRITER = f"""
import os, socket, sys
gate = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
block = b"".join(b"%0{LINE_BYTES - 1}d\\n" % n for n in range(1000))
gate.sendall(b"ready\\n")
gate.recv(3)
for _ in range({LINES} // 1000):
    view = memoryview(block)
    while view:
        view = view[os.write(1, view):]
"""
Figures = dict[str, list[float]]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="twelve-bench-") as scratch:
        place = Path(scratch)
        (place / "writer.py").write_text(WRITER)
        peers: dict[str, Figures] = {}
        ours: Figures = {}
        found = contenders.installed(place / "venvs")
        for round_ in range(ROUNDS):
            of_ours(place, ours)
            for contender in found:
                if round_ < 2 or not contender.name.startswith("honcho"):  # twenty seconds each
                    of_a_peer(
                        place / f"{round_}-{found.index(contender)}", contender, peers.setdefault(contender.name, {})
                    )
    report("lines into the history", "lines", "lines", "1/s", ours, peers)
    report("cpu a line into the history", "cpu", "cpu", "us", ours, peers)
    report("cpu a line into the history and written out with stamp and prefix", "cpu in all", "cpu", "us", ours, peers)


def report(figure: str, own: str, other: str, unit: str, ours: Figures, peers: dict[str, Figures]) -> None:
    line = {"bench": "logs", "figure": figure, **middle(ours[own]), "unit": unit, "goal": GOALS[other]}
    print(json.dumps(line | {"peers": {name: middle(peer[other]) for name, peer in peers.items()}}), flush=True)


def middle(values: list[float]) -> dict[str, float]:
    return {"value": round(statistics.median(values), 3), "from": round(min(values), 3), "to": round(max(values), 3)}


def of_ours(place: Path, figures: Figures) -> None:
    """In a process of its own, as the others are; it prints what it reached."""
    own = [sys.executable, __file__, "keeper", str(place / "writer.py")]
    wall, cpu, writing_out = json.loads(subprocess.run(own, capture_output=True, check=True).stdout)
    note(figures, wall, cpu)
    figures.setdefault("cpu in all", []).append((cpu + writing_out) / (PROCESSES * LINES) * 1e6)


def note(figures: Figures, wall: float, cpu: float) -> None:
    figures.setdefault("lines", []).append(PROCESSES * LINES / wall)
    figures.setdefault("cpu", []).append(cpu / (PROCESSES * LINES) * 1e6)


def of_a_peer(directory: Path, contender: contenders.Contender, figures: Figures) -> None:
    gate = Gate()
    line = shlex.join([sys.executable, str(directory.parent / "writer.py"), str(gate.port)])
    running = contender.start(directory, {f"web{number}": line for number in range(1, PROCESSES + 1)})
    gate.wait_ready(PROCESSES)
    time.sleep(0.3)
    own = [pid for pid in (running.pid, *tree.descendants(running.pid)) if not is_writer(pid)]
    arrived = Arrived(contender.outputs)
    before, begun = used(own), time.perf_counter()
    gate.release()
    while arrived.lines() < PROCESSES * LINES:
        time.sleep(0.005)
    note(figures, time.perf_counter() - begun, used(own) - before)
    contender.stop(running)
    gate.close()


class Arrived:
    """Lines in the files so far; the two or three that some managers write themselves are counted as well."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = dict.fromkeys(files, 0)
        self._count = 0

    def lines(self) -> int:
        for file, offset in self._files.items():
            if file.exists():
                with file.open("rb") as opened:
                    opened.seek(offset)
                    data = opened.read()
                self._count += data.count(b"\n")
                self._files[file] = offset + len(data)
        return self._count


def is_writer(pid: int) -> bool:
    try:
        return b"writer.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


def used(pids: Iterable[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def through_the_hub(writer: str) -> None:
    """Seconds until all is in the history, CPU seconds of that, and of writing every line out afterwards."""
    hub, gate = LogHub(history=PROCESSES * LINES, directory=Path(writer).parent), Gate()
    pump = Pump(hub)
    pump.start()
    reading, writing = zip(*(os.pipe() for _ in range(PROCESSES)), strict=True)
    started = [subprocess.Popen([sys.executable, writer, str(gate.port)], stdout=end) for end in writing]
    gate.wait_ready(PROCESSES)
    for number, (pipe, end) in enumerate(zip(reading, writing, strict=True), 1):
        os.close(end)
        pump.attach(pipe, "bench", f"web.{number}", str(number))
    cpu, begun = time.process_time(), time.perf_counter()
    gate.release()
    for child, pipe in zip(started, reading, strict=True):
        child.wait()
        pump.finish(pipe)
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    pump.stop()
    writing_out = time.process_time()
    lines = written_out(hub)
    writing_out = time.process_time() - writing_out
    assert lines == PROCESSES * LINES, f"{lines} of {PROCESSES * LINES} lines arrived"
    print(json.dumps([wall, cpu, writing_out]))


def written_out(hub: LogHub) -> int:
    """As a log session gives them; how many they are."""
    lines = 0
    with Path(os.devnull).open("wb") as out:
        for text in hub.text("bench", PROCESSES * LINES):
            out.write(text.encode())
            lines += text.count("\n")
    return lines


if __name__ == "__main__":
    if sys.argv[1:2] == ["keeper"]:
        through_the_hub(sys.argv[2])
    else:
        main()
