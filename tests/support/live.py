"""A real platform for tests: its own TWELVE_HOME, its own ports, the real command as a client."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from twelve.faces.cli import start_server

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"


def free_port() -> int:
    """Below the ephemeral range, so that no outgoing connection takes it meanwhile."""
    import random

    while True:
        port = random.randint(11000, 18999)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20.0) -> object:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds} s")


@dataclass
class Answer:
    status: int
    body: str
    headers: dict[str, str]


@dataclass
class Live:
    home: Path
    api_port: int = field(default_factory=free_port)
    router_port: int = field(default_factory=free_port)
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        ours = ("TWELVE_", "DATABASE_URL", "COLUMNS", "LINES")
        clean = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        own = {
            "TWELVE_HOME": str(self.home),
            "TWELVE_API_PORT": str(self.api_port),
            "TWELVE_ROUTER_PORT": str(self.router_port),
            "NO_COLOR": "1",
        }
        return clean | own | self.extra

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "twelve", *words]

    def cli(
        self, *words: str, ok: bool = True, cwd: Path | None = None, text: str | None = None, seconds: float = 180.0
    ):
        done = subprocess.run(
            self.command(*words), env=self.environ, cwd=cwd, input=text, capture_output=True, text=True, timeout=seconds,
            check=False,
        )  # fmt: skip
        if ok and done.returncode != 0:
            raise AssertionError(f"twelve {' '.join(words)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def json(self, *words: str):
        return json.loads(self.cli(*words, "--json").stdout)

    def up(self, source: Path, app: str, *words: str, ok: bool = True):
        return self.cli("up", str(source), "--app", app, "--detach", *words, ok=ok)

    def get(
        self, app: str, path: str = "/", headers: dict[str, str] | None = None, data: bytes | None = None
    ) -> Answer:
        """Through the front door, as a client that resolves APP.localhost would."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.router_port}{path}",
            data=data,
            headers={"Host": f"{app}.localhost"} | (headers or {}),
        )
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return Answer(answer.status, answer.read().decode(errors="replace"), dict(answer.headers))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode(errors="replace"), dict(error.headers))

    def api(self, path: str):
        """What the API answers to a GET."""
        token = (self.home / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.heroku+json; version=3"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.api_port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def processes(self, app: str) -> list[dict]:
        return self.json("ps", "--app", app)

    def down(self) -> None:
        self.cli("down", ok=False)

    def serve(self) -> float:
        """Start a server where none runs, as `twelve server` does; gives the seconds until it is ready."""
        begun = time.monotonic()
        reading, writing = os.pipe()
        server = subprocess.Popen(
            start_server.command(), env=self.environ | {"TWELVE_READY_FD": str(writing)},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[writing],
            start_new_session=True,
        )  # fmt: skip
        os.close(writing)
        with os.fdopen(reading) as answer:
            word = answer.readline().strip()
        threading.Thread(target=server.wait, daemon=True).start()  # whoever kills it finds it gone
        assert word == "ready", word
        return time.monotonic() - begun

    def server_pid(self) -> int:
        found = [row["pid"] for row in self.json("status")["processes"] if row["role"] == "server"]
        return found[0]

    def kill_server(self, number: int = signal.SIGKILL) -> None:
        pid = self.server_pid()
        os.kill(pid, number)
        wait_for(lambda: not Path(f"/proc/{pid}/stat").exists() or is_zombie(pid), "the server's end")

    def versions(self, text: str) -> list[int]:
        return [int(number) for number in re.findall(r"\bv(\d+)\b", text)]


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):  # ESRCH: it went between open and read
        return True


@contextlib.contextmanager
def running(home: Path, **extra: str) -> Iterator[Live]:
    live = Live(home, extra=extra)
    try:
        yield live
    finally:
        live.down()
