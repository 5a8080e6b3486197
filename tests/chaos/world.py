"""One platform with one app on which faults are let loose, and everything that must be the same after each of them.

World: platform, app, data  ->  a fault (faults.py)  ->  World.whole(): the same formation, releases, config and data
Lines: every line the app prints, followed over any number of servers
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import psycopg
import redis

from tests.support.live import FIXTURES, Live, is_zombie, wait_for

APP = "chaos"
LINE_PAUSE = 0.01  # seconds
DEADLINE = 30.0  # for what takes less than a second on a quiet machine
WORKER = f"""
import itertools, os, time
life = os.urandom(4).hex()
for number in itertools.count():
    print("line", life, number, flush=True)
    time.sleep({LINE_PAUSE})
"""


class World:
    """`live` runs already; `app` is the sample app `slow` with two web processes and a worker that prints numbers."""

    def __init__(self, live: Live, directory: Path) -> None:
        self.live = live
        self.source = shutil.copytree(FIXTURES / "slow", directory / APP)
        (self.source / "worker.py").write_text(WORKER)
        (self.source / "Procfile").write_text("web: python3 web.py\nworker: python3 worker.py\n")
        (self.source / "app.json").write_text(json.dumps({"formation": {"web": {"quantity": 2, "drain_timeout": 2}}}))
        live.up(FIXTURES / "hello", "first")  # starts the platform
        live.cli("apps", "create", APP)
        for service in ("postgres", "redis"):
            live.cli("services", "add", service, "--app", APP)
        live.up(self.source, APP)  # its first release: nothing to go back to, however often it is killed
        self.written = 0
        self._urls = {key: self._config(key) for key in ("DATABASE_URL", "REDIS_URL")}
        with self._postgres() as connection:
            connection.execute("create table written (number integer)")
        self.write()
        self.settle()
        self.before = self.state()

    @property
    def host(self):
        return f"{APP}.localhost"

    def write(self) -> None:
        """One more row and one more key, both acknowledged."""
        number = self.written + 1
        wait_for(lambda: self.wrote(number), "a write to both services", DEADLINE)
        self.written = number

    def data(self) -> tuple[list[int], int]:
        with self._postgres() as connection:
            query = "select distinct number from written where number > 0 order by number"
            rows = [row[0] for row in connection.execute(query)]
        with self._redis() as client:
            return rows, len(client.keys("written:[1-9]*"))

    def state(self) -> dict:
        """What no fault may change."""
        releases = self.live.api(f"/apps/{APP}/releases")
        return {
            "formation": sorted((row["name"], row["release"]["version"]) for row in self.processes()),
            "releases": [(r["version"], r["status"], r["current"], r["description"]) for r in releases],
            "config": self.live.api(f"/apps/{APP}/config-vars"),
        }

    def processes(self) -> list[dict]:
        return self.live.api(f"/apps/{APP}/dynos")

    def whole(self) -> None:
        """Everything is as before: call it once nothing is broken any more."""
        self.settle()
        after = self.state()
        for part, value in self.before.items():
            assert after[part] == value, f"{part} changed"
        expected = list(range(1, self.written + 1))
        assert self.data() == (expected, len(expected)), "data was lost"

    def settle(self) -> None:
        wait_for(self._settled, "every process of the formation up", DEADLINE)

    def serves(self) -> bool:
        return quietly(lambda: self.live.get(APP, "/?seconds=0").status == 200)

    def processes_of_all(self) -> set[tuple[str, int]]:
        """Name and pid; several keepers of pipes have one name."""
        return {(row["name"], row["pid"]) for row in self.live.api("/_twelve/status")["processes"]}

    def pids(self) -> dict[str, int]:
        """By name; processes of the app are "web.1", those of the platform as `status` names them."""
        rows = self.live.api("/_twelve/status")["processes"]
        return {row["name"].removeprefix(f"{APP}."): row["pid"] for row in rows}

    def _settled(self) -> bool:
        rows = quietly(self.processes) or []
        return sorted(row["name"] for row in rows if row["state"] == "up") == ["web.1", "web.2", "worker.1"]

    def wrote(self, number: int = 0) -> bool:
        """Whether both services take a write now."""

        def both() -> bool:
            with self._postgres() as connection:
                connection.execute("insert into written values (%s)", [number])
            with self._redis() as client:
                return bool(client.set(f"written:{number}", "yes"))

        return quietly(both)

    def _config(self, key: str) -> str:
        return self.live.cli("config", "get", key, "--app", APP).stdout.strip()

    def _postgres(self):
        return psycopg.connect(self._urls["DATABASE_URL"], connect_timeout=5, autocommit=True)

    def _redis(self):
        return redis.Redis.from_url(self._urls["REDIS_URL"], socket_timeout=5)


class Lines:
    """What the worker printed, as `twelve logs --tail` shows it; a server that dies is waited for."""

    PATTERN = re.compile(r"line (\w+) (\d+)")

    def __init__(self, live: Live) -> None:
        self.seen: dict[str, list[int]] = {}
        self.count = 0
        self._process = subprocess.Popen(
            live.command("logs", "--tail", "--ps", "worker", "--app", APP),
            env=live.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self):
        wait_for(lambda: self.seen, "the first line", DEADLINE)
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._thread.join(5)
        self._process.stdout.close()

    def fresh(self) -> None:
        """Until a line comes that was printed after this call."""
        known = {life: numbers[-1] for life, numbers in list(self.seen.items())}
        enough = round(0.2 / LINE_PAUSE)

        def newer() -> bool:
            return any(numbers[-1] > known.get(life, -1) + enough for life, numbers in list(self.seen.items()))

        wait_for(newer, "new lines of the worker", DEADLINE)

    def lost(self) -> dict[str, list[int]]:
        """By life: numbers that never came, between the first and the last that did; told once."""
        gaps = {}
        for life, numbers in list(self.seen.items()):
            last = max(numbers)
            if gap := sorted(set(range(numbers[0], last + 1)) - set(numbers)):
                gaps[life] = gap
            self.seen[life] = [last]
        return gaps

    def _read(self) -> None:
        for line in self._process.stdout:
            if found := self.PATTERN.search(line):
                self.seen.setdefault(found[1], []).append(int(found[2]))
                self.count += 1


def kill(pid: int) -> None:
    """At once, and until it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid), f"the end of {pid}")


def kill_all(pids) -> None:
    """At once; some end because others do."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").exists() and not is_zombie(pid)


def quietly(act):
    """What `act` gives; False where something is broken at the moment."""
    try:
        return act()
    except (AssertionError, OSError, psycopg.Error, redis.RedisError, ValueError):
        return False


def timed(condition, what: str, deadline: float = DEADLINE) -> float:
    begun = time.monotonic()
    wait_for(condition, what, deadline)
    return time.monotonic() - begun
