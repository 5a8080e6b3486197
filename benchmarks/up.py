"""The platform's own times and memory, through the real command. Prints one JSON line a figure.

The app's own boot is measured beside it, in the same run, by starting the same command outside of the platform: what a
redeploy takes on top of that is the platform's.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.live import Live, free_port, running  # noqa: E402 - the same platform the tests use
from twelve.infra import usage  # noqa: E402

ROUNDS = 7


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="twelve-bench-") as directory:
        scratch = Path(directory)
        warm_up(scratch / "warm")
        first_up(scratch / "first")
        with running(scratch / "home") as live:
            app = shutil.copytree(ROOT / "tests" / "fixtures" / "hello", scratch / "hello")
            live.up(app, "hello")
            redeploy(live, app)
            rollback(live)
            commands(live)
        with running(scratch / "idle") as live:
            idle(live)


def report(figure: str, value: float, unit: str, peer: str | None = None, peer_value: float | None = None) -> None:
    row = {"bench": "up", "figure": figure, "value": round(value, 3), "unit": unit, "peer": peer}
    row["peer_value"] = None if peer_value is None else round(peer_value, 3)
    row["ratio"] = None if not peer_value else round(value / peer_value, 3)
    print(json.dumps(row), flush=True)


def warm_up(home: Path) -> None:
    """Fills the package cache, so that the first `up` measures the platform and not a download."""
    with running(home) as live:
        live.up(ROOT / "examples" / "notes", "notes")


def first_up(home: Path) -> None:
    with running(home) as live:
        begun = time.monotonic()
        live.up(ROOT / "examples" / "notes", "notes")
        report("first up of examples/notes on an empty TWELVE_HOME, warm package cache", time.monotonic() - begun, "s")


def redeploy(live: Live, app: Path) -> None:
    """Code-only changes, each seen through the front door by its new answer."""
    returned, seen = [], []
    for round_ in range(ROUNDS):
        answer = change(app, round_)
        watcher = Watcher(live, answer)
        begun = time.monotonic()
        watcher.start()
        live.up(app, "hello")
        returned.append(time.monotonic() - begun)
        assert live.get("hello").body.strip() == answer, "the command returned before the new release was live"
        watcher.join()
        seen.append(watcher.seen - begun)
    boot = statistics.median(boots(app) for _ in range(ROUNDS))
    report("redeploy, command returns", statistics.median(returned), "s")
    report("redeploy, first new answer", statistics.median(seen), "s", "the app's own boot", boot)
    report("redeploy, platform on top of the app's boot", statistics.median(returned) - boot, "s")


def change(app: Path, round_: int) -> str:
    code = (ROOT / "tests" / "fixtures" / "hello" / "web.py").read_text()
    assert 'VERSION = "1"' in code
    (app / "web.py").write_text(code.replace('VERSION = "1"', f'VERSION = "{round_ + 2}"'))
    return f"hello {round_ + 2}"


class Watcher(threading.Thread):
    """Asks the front door until the new answer comes."""

    def __init__(self, live: Live, answer: str) -> None:
        super().__init__(daemon=True)
        self._live, self._answer = live, answer
        self.seen = 0.0

    def run(self) -> None:
        while self._live.get("hello").body.strip() != self._answer:
            time.sleep(0.005)
        self.seen = time.monotonic()


def boots(app: Path) -> float:
    """Seconds from the start of the bare command to its first answer."""
    port = free_port()
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "web.py"], cwd=app, env={"PORT": str(port), "PATH": os.environ["PATH"]},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
                return time.monotonic() - begun
            except (TimeoutError, urllib.error.URLError, ConnectionError):
                time.sleep(0.002)
    finally:
        process.kill()
        process.wait()


def rollback(live: Live) -> None:
    times = []
    for _ in range(ROUNDS):
        now = live.get("hello").body
        begun = time.monotonic()
        live.cli("rollback", "--app", "hello")
        times.append(time.monotonic() - begun)
        assert live.get("hello").body != now, "the old release does not answer"
    report("rollback, first answer of the old release", statistics.median(times), "s")


def commands(live: Live) -> None:
    for words in (["--help"], ["ps", "--app", "hello"]):
        times = []
        for _ in range(ROUNDS * 2):
            begun = time.monotonic()
            subprocess.run([ROOT / "twelve", *words], env=live.environ, check=True, capture_output=True)
            times.append(time.monotonic() - begun)
        report(f"twelve {words[0]}", statistics.median(times), "s")


def idle(live: Live) -> None:
    """Server, Postgres, one Valkey, HAProxy; no app process. Proportional set size, children included."""
    live.up(ROOT / "tests" / "fixtures" / "hello", "idle")
    live.cli("services", "add", "redis", "--app", "idle")
    live.cli("stop", "--app", "idle")
    time.sleep(2)
    roots = {row["name"]: row["pid"] for row in live.json("status")["processes"] if row["app"] is None}
    sizes = {name: usage.memory(tree(pid, set(roots.values()) - {pid})) / (1 << 20) for name, pid in roots.items()}
    for name, size in sizes.items():
        report(f"idle PSS of {name}", size, "MB")
    report("idle PSS of the platform", sum(sizes.values()), "MB")


def tree(pid: int, others: set[int]) -> list[int]:
    """A process and its descendants, without those that are counted by themselves."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = {int(child) for task in tasks for child in (task / "children").read_text().split()} - others
    return [pid, *(found for child in children for found in tree(child, others))]


if __name__ == "__main__":
    main()
