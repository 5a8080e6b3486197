"""The platform's own life: it is adopted, upgraded, told apart from another one, and says what keeps it from starting."""

import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.support.live import FIXTURES, is_zombie, running, wait_for
from twelve.core import errors

pytestmark = pytest.mark.integration


@pytest.fixture
def own(tmp_path):
    with running(tmp_path / "home") as platform:
        yield platform


def alive(pid):
    return Path(f"/proc/{pid}").exists() and not is_zombie(pid)


def pids(platform):
    return {row["name"]: row["pid"] for row in platform.json("status")["processes"]}


def test_down_ends_every_process_and_the_next_start_brings_the_apps_back(own):
    own.up(FIXTURES / "hello", "back")
    own.cli("scale", "web=2", "--app", "back")
    everything = pids(own)
    own.cli("down")
    wait_for(lambda: not any(alive(pid) for pid in everything.values()), "the end of every process")
    own.up(FIXTURES / "hello", "other")
    wait_for(lambda: [row["state"] for row in own.processes("back")] == ["up", "up"], "the formation of before")
    assert own.get("back").status == 200


def test_two_platforms_run_side_by_side(own, live):
    own.up(FIXTURES / "hello", "twin")
    live.up(FIXTURES / "envdump", "twin")
    assert own.get("twin").body.startswith("hello")
    assert live.get("twin").body != own.get("twin").body
    assert not set(pids(own).values()) & set(pids(live).values())


@pytest.mark.parametrize("which", ["api_port", "router_port"])
def test_a_taken_port_is_told(own, which):
    with socket.create_server(("127.0.0.1", getattr(own, which))):
        failed = own.up(FIXTURES / "hello", "taken", ok=False)
    assert failed.returncode == errors.PortTaken.exit_code, failed.stderr
    assert str(getattr(own, which)) in failed.stderr
    assert "Traceback" not in failed.stderr
    left = subprocess.run(["pgrep", "-f", str(own.home)], capture_output=True, text=True, check=False).stdout
    assert left == "", "a start that failed left something running"


def test_a_corrupt_database_is_told_and_left_alone(own):
    own.up(FIXTURES / "hello", "corrupt")
    own.cli("down")
    version = own.home / "data" / "pg" / "PG_VERSION"
    kept = version.read_text()
    version.write_text("9\n")
    failed = own.cli("up", str(FIXTURES / "hello"), "--app", "corrupt", "--detach", ok=False)
    assert failed.returncode == errors.CorruptState.exit_code, failed.stderr
    version.write_text(kept)
    own.cli("up", str(FIXTURES / "hello"), "--app", "corrupt", "--detach")
    assert own.json("releases", "list", "--app", "corrupt")[-1]["version"] == 2


def test_a_lost_key_is_told_instead_of_a_new_one_made(own):
    own.up(FIXTURES / "hello", "sealed")
    own.cli("down")
    key = own.home / "secret.key"
    content = key.read_bytes()
    key.unlink()
    failed = own.cli("up", str(FIXTURES / "hello"), "--app", "sealed", "--detach", ok=False)
    assert failed.returncode == errors.PlatformError.exit_code
    assert "secret.key" in failed.stderr
    key.write_bytes(content)
    own.up(FIXTURES / "hello", "sealed")


def test_secrets_are_in_no_file_in_plain_text(own):
    own.up(FIXTURES / "hello", "secret")
    own.cli("config", "set", "TOKEN=a-very-recognisable-value", "--app", "secret")
    own.cli("down")
    found = subprocess.run(
        ["grep", "-rl", "a-very-recognisable-value", str(own.home)], capture_output=True, text=True, check=False
    )
    assert found.stdout == ""


def test_secrets_are_in_no_command_line(own):
    own.up(FIXTURES / "hello", "argv")
    own.cli("config", "set", "TOKEN=another-recognisable-value", "--app", "argv")
    own.cli("services", "add", "postgres", "--app", "argv")
    password = own.cli("config", "get", "DATABASE_URL", "--app", "argv").stdout.split(":")[2].split("@")[0]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            argv = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        assert "another-recognisable-value" not in argv
        assert password not in argv


class Foreground:
    """`twelve up` as a person runs it, until Ctrl-C."""

    def __init__(self, platform, source, app, *words):
        self.lines = []
        self.process = subprocess.Popen(
            platform.command("up", str(source), "--app", app, *words),
            env=platform.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line)

    def shows(self, words):
        wait_for(lambda: any(words in line for line in self.lines), f"{words!r} in {''.join(self.lines)}", 60)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(60)
        self.reader.join(10)
        return status


def test_ctrl_c_stops_the_app_and_the_platform_it_started(own):
    shown = Foreground(own, FIXTURES / "hello", "front")
    shown.shows("State changed from starting to up")
    everything = pids(own)
    own.get("front", "/asked")
    shown.shows('path="/asked"')
    assert shown.interrupt() in {0, 130}
    wait_for(lambda: not any(alive(pid) for pid in everything.values()), "the end of every process")
    assert "Traceback" not in "".join(shown.lines)


def test_watch_deploys_a_saved_change(own, tmp_path):
    source = shutil.copytree(FIXTURES / "hello", tmp_path / "hello")
    shown = Foreground(own, source, "watched", "--watch")
    shown.shows("Released v1")
    wait_for(lambda: own.get("watched").body == "hello 1\n", "the first answer")
    code = (source / "web.py").read_text()
    deadline = time.monotonic() + 30
    wait_for(
        lambda: (
            (source / "web.py").write_text(code.replace('"1"', '"2"')) and any("v2" in line for line in shown.lines)
        ),
        "v2",
        60,
    )
    wait_for(lambda: own.get("watched").body == "hello 2\n", "the changed answer", deadline - time.monotonic() + 30)
    shown.interrupt()


def test_status_names_every_process(own):
    own.up(FIXTURES / "hello", "named")
    rows = own.json("status")["processes"]
    assert {"server", "haproxy", "postgres", "named.web.1"} <= {row["name"] for row in rows}
    assert all(alive(row["pid"]) for row in rows)
    assert json.dumps(rows)
