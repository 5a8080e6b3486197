"""Start, stop and the cost of supervising 50 processes, beside other process managers in one run; a JSON line a figure.

`python benchmarks/processes.py [COUNT]`. Every child is one shell line that opens a connection, prints a line, reports,
and sleeps until SIGTERM: the same moment counts for all, and nobody is slowed by being looked at. Ours is the platform
as it is: a start begins with the API request that scales an app; the others begin with their own program (their start
of one process tells how much of it that is). Memory is the proportional share of all processes a manager runs itself,
without the children: of ours the server (API, releases, router and history in it), the sandboxes or inits, what starts
them, and the holder of their pipes; PostgreSQL and HAProxy have a line of their own.
"""

import json
import shlex
import signal
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import contenders  # noqa: E402 - beside this file
from gate import Gate  # noqa: E402

from tests.support.live import Live, running, wait_for  # noqa: E402
from twelve.infra import usage  # noqa: E402
from twelve.infra.settings import Settings  # noqa: E402
from twelve.stages.run.local import tree  # noqa: E402
from twelve.stages.run.local.starter import BLANK  # noqa: E402

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 50
ROUNDS = 5
SETTLED = 1  # second, from the start of the last child to a look at what it all takes
MARKER = "86399"
CHILD = f"exec 9<>/dev/tcp/127.0.0.1/{{port}}; echo ready; echo ready >&9; exec sleep {MARKER}"
GOALS = {"start bwrap": 0.3, "start none": 0.15, "stop": 0.15, "memory": 60}
Figures = dict[str, list[float]]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="twelve-bench-") as scratch:
        place = Path(scratch)
        peers = {}
        for contender in contenders.installed(place / "venvs"):
            peers[contender.name] = of_a_peer(place, contender)
        for sandbox in ("bwrap", "none"):
            own = ours(place / sandbox, sandbox)
            tell(sandbox, own, peers)


def of_a_peer(place: Path, contender: contenders.Contender) -> Figures:
    """supervisord alone takes half a minute to stop fifty groups, so it gets one round of it."""
    figures: Figures = {}
    slow = contender.name.startswith("supervisord")
    for round_ in range(2 if slow else ROUNDS):
        for count in (1, COUNT):
            with gate_and_commands(count) as (gate, commands):
                one_round(figures, contender, place / f"{contender.program.name}-{gate.port}-{round_}", gate, commands)
    return figures


def one_round(
    figures: Figures, contender: contenders.Contender, directory: Path, gate: Gate, commands: Mapping[str, str]
) -> None:
    begun = time.perf_counter()
    started = contender.start(directory, commands)
    note(figures, f"start {len(commands)}", gate.wait_ready(len(commands)) - begun)
    time.sleep(SETTLED)
    if len(commands) > 1:
        own = [pid for pid in (started.pid, *tree.descendants(started.pid)) if not is_child(pid)]
        note(figures, "memory", mebibytes(own))
        note(figures, "processes", len(own))
        note(figures, "cpu", usage.cpu(own, children=False))
    begun = time.perf_counter()
    started.send_signal(signal.SIGTERM)
    ended = gate.wait_ended(len(commands)) - begun
    contender.stop(started)
    if len(commands) > 1:
        note(figures, "stop", ended)
        note(figures, "own end", time.perf_counter() - begun)


@contextmanager
def gate_and_commands(count: int):
    gate = Gate()
    line = shlex.join(["bash", "-c", CHILD.format(port=gate.port)])
    try:
        yield gate, {f"p{number}": line for number in range(1, count + 1)}
    finally:
        gate.close()


def ours(home: Path, sandbox: str) -> Figures:
    figures: Figures = {}
    gate = Gate()
    with ExitStack() as stack:
        live = stack.enter_context(running(home, TWELVE_SANDBOX=sandbox))
        live.up(app(home.with_suffix(".app"), gate.port), "fifty")
        gate.wait_ready(1)
        scale(live, 0)
        gate.wait_ended(1)
        for _ in range(ROUNDS + 1):  # the first fills caches and is not counted
            a_round_of_ours(figures, live, gate)
        gate.close()
    return {name: values[1:] for name, values in figures.items()}


def a_round_of_ours(figures: Figures, live: Live, gate: Gate) -> None:
    server = live.server_pid()
    standing = [server, *shims_of(live)]
    gate.again()
    before, begun = usage.cpu(standing, children=False), time.perf_counter()
    with in_background(lambda: scale(live, COUNT)):
        note(figures, f"start {COUNT}", gate.wait_ready(COUNT) - begun)
    time.sleep(SETTLED)
    shims = shims_of(live)
    note(figures, "memory", mebibytes([server, *shims]))
    note(figures, "server memory", mebibytes([server]))
    note(figures, "processes", 1 + len(shims))
    fresh = [pid for pid in shims if pid not in standing]
    note(figures, "cpu", usage.cpu(standing, children=False) - before + usage.cpu(fresh, children=False))
    others = [row["pid"] for row in live.json("status")["processes"] if row["name"] in {"haproxy", "postgres"}]
    note(figures, "others", mebibytes(with_descendants(others)))
    gate.again()
    begun = time.perf_counter()
    with in_background(lambda: scale(live, 0)):
        note(figures, "stop", gate.wait_ended(COUNT) - begun)
    wait_for(lambda: len(shims_of(live)) <= 1, "the end of all sandboxes")


def app(directory: Path, port: int) -> Path:
    directory.mkdir()
    (directory / "Procfile").write_text(f"worker: {CHILD.format(port=port)}\n")
    (directory / "app.json").write_text('{"formation": {"worker": {"quantity": 1}}}')
    return directory


def scale(live: Live, quantity: int) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{live.api_port}/apps/fifty/formation/worker",
        method="PATCH",
        data=json.dumps({"quantity": quantity}).encode(),
        headers={
            "Authorization": f"Bearer {(live.home / 'token').read_text().strip()}",
            "Content-Type": "application/json",
            "Accept": "application/vnd.heroku+json; version=3",
        },
    )
    with urllib.request.urlopen(request, timeout=90) as answer:
        answer.read()


@contextmanager
def in_background(work: Callable[[], None]):
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def shims_of(live: Live) -> list[int]:
    """What runs beside the server for the sake of the children: sandboxes or inits, their starter, holders of pipes."""
    own = {UUID(place.name) for place in (Settings(home=live.home).run / "processes").iterdir()}
    carriers = [pid for process, pids in tree.carriers().items() if process in own for pid in pids]
    beside = [pid for pid in tree.children(live.server_pid()) if tree.carries(pid, UUID(BLANK))]
    holders = [row["pid"] for row in live.json("status")["processes"] if row["name"] == "holder"]
    return [pid for pid in (*carriers, *beside, *holders) if not is_child(pid)]


def with_descendants(pids: Iterable[int]) -> list[int]:
    return [one for pid in pids for one in (pid, *tree.descendants(pid))]


def is_child(pid: int) -> bool:
    """The program itself, and the shell that became it."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return True
    return words[:2] == [b"sleep", MARKER.encode()]


def mebibytes(pids: Iterable[int]) -> float:
    """Of proportional share."""
    return usage.memory(pids) / (1 << 20)


def note(figures: Figures, name: str, value: float) -> None:
    figures.setdefault(name, []).append(value)


def tell(sandbox: str, own: Figures, peers: Mapping[str, Figures]) -> None:
    words = "sandboxed" if sandbox == "bwrap" else "not sandboxed"
    rows = [
        (f"start {COUNT}", f"start {COUNT}, {words}", "s", GOALS[f"start {sandbox}"]),
        ("stop", f"stop {COUNT}, {words}", "s", GOALS["stop"]),
        ("memory", f"memory of all its own processes, {words}", "MiB", GOALS["memory"]),
        ("server memory", f"of that the server process, {words}", "MiB", None),
        ("others", f"beside that PostgreSQL and HAProxy, {words}", "MiB", None),
        ("processes", f"its own processes, {words}", "", None),
        ("cpu", f"cpu of its own processes for the start, {words}", "s", None),
    ]
    for key, figure, unit, goal in rows:
        line = {"bench": "processes", "figure": figure, "value": middle(own[key]), "least": least(own[key])}
        line |= {"unit": unit, "goal": goal if COUNT == 50 else None}
        print(json.dumps(line | {"peers": {name: shown(f, key) for name, f in peers.items() if key in f}}), flush=True)


def shown(figures: Figures, key: str) -> dict[str, float]:
    row = {"value": middle(figures[key]), "least": least(figures[key])}
    if key == "stop":
        return row | {"until it has ended itself": middle(figures["own end"])}
    return row | ({"with one process": middle(figures["start 1"])} if key.startswith("start") else {})


def middle(values: list[float]) -> float:
    return round(statistics.median(values), 3)


def least(values: list[float]) -> float:
    return round(min(values), 3)


if __name__ == "__main__":
    main()
