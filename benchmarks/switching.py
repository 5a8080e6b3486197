"""Requests lost while an app is changed under load: every operation, every kind of request, several rounds.

`python benchmarks/switching.py [ROUNDS]`. All kinds of load run at once, open loop, through the front door, while the
real command does the operation; each lost request is told with its time after the start of the operation. What was in
flight on a process that crashes by itself is counted apart: only its repetition could save it, and an upload or a
stream cannot be repeated. Requests sent while the app was stopped on purpose are not counted. Then the
seconds from `up` to the first new answer of an app that boots in 0.7 s, and piku beside it, as far as it can be
installed (benchmarks/piku.py). Prints one JSON line a figure.
"""

import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from piku import Piku, Unavailable  # noqa: E402 - beside this file

from tests.support.live import FIXTURES, running, wait_for  # noqa: E402 - the platform and the load the tests use
from tests.support.load import KINDS, Mix  # noqa: E402

BEFORE = 1.5  # seconds of load before an operation
DRAIN = 3  # seconds an app asks for; WebSockets live longer, the rest does not
BOOT = 0.7  # seconds the app takes to begin
PIKU_KINDS = ("fast", "slow")
APP = "switched"
CRASH = "a release that crashes after the switch"
CRASHING = """    number = int(os.environ["DYNO"].partition(".")[2])
    threading.Timer(0.5 + 1.5 * number, os._exit, [1]).start()
"""
SLACK = 0.3  # seconds from an exit to its line in the log


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory(prefix="twelve-bench-") as directory:
        scratch = Path(directory)
        with running(scratch / "home", TWELVE_LOG_HISTORY="100000") as live:
            ours = Ours(live, scratch / "ours")
            matrix("twelve", ours, tuple(KINDS), rounds)
            live.cli("scale", "web=1", "--app", APP)
            say_redeploy("twelve", [redeployed(ours) for _ in range(rounds)])
        beside(scratch, rounds)


def beside(scratch: Path, rounds: int) -> None:
    try:
        with Piku(scratch / "piku", Source(scratch / "theirs")) as piku:
            matrix("piku", piku, PIKU_KINDS, rounds)
            say_redeploy("piku", [redeployed(piku) for _ in range(rounds)])
    except Unavailable as reason:
        say({"figure": "requests lost", "system": "piku", "left_out": str(reason)})


class Source:
    """The codebase under test; each version answers with its number."""

    def __init__(self, directory: Path) -> None:
        self.directory = shutil.copytree(FIXTURES / "slow", directory)
        (directory / "app.json").write_text(json.dumps({"formation": {"web": {"drain_timeout": DRAIN}}}))
        self.version = 1
        self.write()

    def upcoming(self) -> str:
        """What the next version answers."""
        return f"slow {self.version + 1}\n"

    def change(self) -> None:
        self.version += 1
        self.write()

    def write(self, crash: str = "") -> None:
        code = (FIXTURES / "slow" / "web.py").read_text().replace('VERSION = "1"', f'VERSION = "{self.version}"')
        begin = f'if __name__ == "__main__":\n    time.sleep({BOOT})\n{crash}'
        assert 'if __name__ == "__main__":\n' in code
        (self.directory / "web.py").write_text(code.replace('if __name__ == "__main__":\n', begin))


class Ours:
    """The real platform and its operations."""

    after = 2.5  # seconds of load after an operation
    address = "127.0.0.1"

    def __init__(self, live, directory: Path) -> None:
        self._live = live
        self._source = Source(directory)
        self._number = 0
        self.port, self.host = live.router_port, f"{APP}.localhost"
        self.notes = Notes()
        live.up(directory, APP)
        live.cli("config", "set", "FIRST=1", "--app", APP)
        self.operations = {
            "deploy": self.deploy,
            "config change": lambda: self._config(f"N={self._next()}"),
            "scale up": lambda: self._cli("scale", "web=3"),
            "scale down": lambda: self._cli("scale", "web=1"),
            "restart": lambda: self._cli("restart"),
            "rollback": lambda: self._cli("rollback"),
            "a new domain": lambda: self._cli("domains", "add", f"n{self._next()}.example.com"),
            "stop and start": self._stop_and_start,
            CRASH: self._crash,
        }
        self.preparations = {CRASH: lambda: self._cli("scale", "web=2")}

    def deploy(self) -> None:
        self._source.change()
        self._live.up(self._source.directory, APP)

    def upcoming(self) -> str:
        return self._source.upcoming()

    def get(self) -> str:
        return self._live.get(APP, "/?seconds=0").body

    def settled(self) -> None:
        """Nothing of the operation is left: the formation runs, and nothing else."""
        wait_for(lambda: self._states() == ["up"] * len(self._states()) and self._alone(), "the formation alone", 60)

    def _states(self) -> list[str]:
        return [row["state"] for row in self._live.processes(APP)]

    def _alone(self) -> bool:
        names = [row["name"] for row in self._live.processes(APP)]
        return len(set(names)) == len(names)

    def _stop_and_start(self) -> None:
        begun = time.monotonic()
        self._cli("stop")
        self._cli("start")
        self.notes.away = (begun, time.monotonic())

    def _crash(self) -> None:
        """Healthy, then gone seconds later, again and again: the platform goes back by itself."""
        self._source.version += 1
        self._source.write(CRASHING)
        self._live.up(self._source.directory, APP)
        version = self._live.json("releases", "list", "--app", APP)[-1]["version"]
        wait_for(lambda: self._back(version), "the way back", 60)
        said = self._live.cli("logs", "-n", "100000", "--source", "platform", "--app", APP).stdout
        exits = [line.split(" ")[0] for line in said.splitlines() if line.endswith("Process exited with status 1")]
        ago = time.time() - time.monotonic()
        self.notes.crashes = [datetime.fromisoformat(stamp).timestamp() - ago for stamp in exits]

    def _back(self, version: int) -> bool:
        newest = self._live.json("releases", "list", "--app", APP)[-1]
        return newest["version"] > version and newest["current"]

    def _config(self, pair: str) -> None:
        self._cli("config", "set", pair)

    def _cli(self, *words: str) -> None:
        self._live.cli(*words, "--app", APP)

    def _next(self) -> int:
        self._number += 1
        return self._number


@dataclass
class Notes:
    """What an operation did on purpose: when the app was stopped, when its processes crashed."""

    away: tuple[float, float] = (0.0, 0.0)
    crashes: list[float] = field(default_factory=list)

    def in_flight(self, left: float, took: float) -> bool:
        return any(left - SLACK <= crash <= left + took + SLACK for crash in self.crashes)


def matrix(system: str, subject, kinds: tuple[str, ...], rounds: int) -> None:
    cells = {(name, kind): Cell() for name in subject.operations for kind in kinds}
    for number in range(1, rounds + 1):
        for name, act in subject.operations.items():
            subject.preparations.get(name, lambda: None)()
            subject.settled()
            subject.notes = Notes()
            mix, begun = under_load(subject, act, kinds)
            for kind in kinds:
                cells[name, kind].add(mix.loads[kind], begun, number, subject.notes)
    for (name, kind), cell in cells.items():
        row = {"figure": "requests lost", "system": system, "operation": name, "load": kind, "rounds": rounds}
        say(row | cell.row())
    lost = sum(len(cell.losses) for cell in cells.values())
    sent = sum(cell.sent for cell in cells.values())
    say({"figure": "requests lost, all cells", "system": system, "value": lost, "unit": f"of {sent}", "rounds": rounds})


def under_load(subject, act, kinds: tuple[str, ...]) -> tuple[Mix, float]:
    with Mix(subject.port, subject.host, kinds, subject.address) as mix:
        time.sleep(BEFORE)
        begun = time.monotonic()
        act()
        time.sleep(subject.after)
    subject.settled()
    return mix, begun


class Cell:
    """What one kind of load saw of one operation, over all rounds."""

    def __init__(self) -> None:
        self.sent = 0
        self.slowest = 0.0
        self.crashed = 0
        self.losses: list[dict] = []
        self.endings: Counter = Counter()

    def add(self, load, begun: float, round_: int, notes: Notes) -> None:
        self.sent += load.sent
        self.slowest = max(self.slowest, load.outcome.slowest)
        self.endings += load.outcome.bodies
        for failure in load.failures:
            left = load.begun + failure.at
            if notes.away[0] <= left <= notes.away[1]:
                self.sent -= 1  # it met an app that was stopped on purpose
            elif load.unrepeatable and notes.in_flight(left, failure.took):
                self.crashed += 1
            else:
                after = round(left - begun, 3)
                self.losses.append({"round": round_, "at": after, "took": failure.took, "what": failure.what})

    def row(self) -> dict:
        row = {"value": len(self.losses), "unit": f"of {self.sent}", "slowest": round(self.slowest, 3)}
        if self.crashed:
            row["in_flight_on_what_crashed"] = self.crashed
        closed = {ending: count for ending, count in self.endings.items() if ending.startswith(("closed", "ended"))}
        return row | ({"websockets": closed} if closed else {}) | {"losses": self.losses}


def redeployed(subject) -> float:
    """Seconds from the command to the first new answer."""
    answer, seen = subject.upcoming(), []

    def watch() -> None:
        deadline = time.monotonic() + 120
        while subject.get() != answer and time.monotonic() < deadline:
            time.sleep(0.005)
        seen.append(time.monotonic())

    watcher = threading.Thread(target=watch, daemon=True)
    begun = time.monotonic()
    watcher.start()
    subject.deploy()
    watcher.join()
    subject.settled()
    return seen[0] - begun


def say_redeploy(system: str, seconds: list[float]) -> None:
    value = round(statistics.median(seconds), 3)
    figure = f"redeploy of a code-only change to the first new answer, the app boots in {BOOT} s"
    say({"figure": figure, "system": system, "value": value, "unit": "s"})


def say(row: dict) -> None:
    print(json.dumps({"bench": "switching"} | row), flush=True)


if __name__ == "__main__":
    main()
