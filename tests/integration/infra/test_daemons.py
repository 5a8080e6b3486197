"""Daemons with real small servers: deaths on both sides, adoption, servers that never get ready."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from twelve.core.errors import PlatformError, ServiceUnreachable
from twelve.infra import procfs
from twelve.infra.daemons import Daemon

pytestmark = pytest.mark.integration

SERVER = """
import os, socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        word = self.rfile.readline().strip().decode()
        if word == "env":
            answer = repr(sorted(os.environ))
        elif word.startswith("say "):
            print(word[4:], flush=True)
            answer = "said"
        else:
            answer = str(os.getpid())
        self.wfile.write(answer.encode())
server = socketserver.ThreadingUnixStreamServer(sys.argv[1], Handler)
print("listening", flush=True)
server.serve_forever()
"""

HOLDER = """
import sys, time
sys.path[:0] = {path!r}
from tests.integration.infra.test_daemons import server_daemon
from pathlib import Path
daemon = server_daemon(Path({run!r}))
daemon.ensure()
print(daemon.pid, flush=True)
time.sleep(600)
"""


def ask(path: Path, word: str = "pid") -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(word.encode() + b"\n")
        return client.makefile().read()


def server_daemon(run: Path, **more) -> Daemon:
    path = run / "server.sock"

    def command():
        path.unlink(missing_ok=True)
        return [sys.executable, "-c", SERVER, path]

    more = {"ready": lambda: bool(ask(path)), "command": command, "env": {"COLOUR": "red"}, **more}
    return Daemon("server", "test server", run, **more)


def eventually(condition, seconds: float = 5.0):
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if value := condition():
                return value
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.01)


@pytest.fixture
def daemons(tmp_path):
    made = []

    def make(**more):
        made.append(server_daemon(tmp_path, **more))
        return made[-1]

    yield make
    for daemon in made:
        daemon.stop()


def test_a_server_runs_apart_from_us_until_it_is_stopped(daemons, tmp_path):
    heard = bytearray()
    daemon = daemons(output=heard.extend)
    daemon.ensure()
    pid = daemon.pid
    assert ask(tmp_path / "server.sock") == str(pid)
    assert os.getsid(pid) == pid
    names = ask(tmp_path / "server.sock", "env")
    assert "COLOUR" in names
    assert "PATH" not in names
    assert Path(f"/proc/{pid}/fd/0").readlink() == Path("/dev/null")
    record = tmp_path / "daemons" / "server.json"
    assert record.stat().st_mode & 0o777 == 0o600
    assert daemon.process().pid == pid
    ask(tmp_path / "server.sock", "say hello")
    eventually(lambda: bytes(heard) == b"listening\nhello\n")
    daemon.ensure()
    assert daemon.pid == pid
    daemon.stop()
    assert procfs.identity(pid) is None
    assert daemon.pid is None
    assert daemon.process() is None
    assert not record.exists()
    daemon.stop()
    daemon.ensure()
    assert ask(tmp_path / "server.sock") == str(daemon.pid) != str(pid)


def test_another_one_takes_its_place_while_it_goes_on(daemons, tmp_path):
    daemon = daemons(ready=lambda: ask(tmp_path / "server.sock") == str(daemon.pid))
    daemon.ensure()
    before = daemon.pid
    daemon.hand_over()
    assert daemon.pid != before
    assert ask(tmp_path / "server.sock") == str(daemon.pid)
    assert procfs.identity(before)
    daemon.release()
    following = daemons()
    following.ensure()
    assert str(following.pid) == ask(tmp_path / "server.sock")
    following.stop()
    eventually(lambda: procfs.identity(before) is None)


def test_one_that_cannot_take_over_is_started_anew(daemons, tmp_path):
    good = daemons()
    good.ensure()
    before = good.pid
    good.release()
    commands = iter([[sys.executable, "-c", "raise SystemExit(3)"]])

    def command():
        (tmp_path / "server.sock").unlink(missing_ok=True)
        return next(commands, [sys.executable, "-c", SERVER, tmp_path / "server.sock"])

    daemon = daemons(command=command)
    daemon.hand_over()  # nobody it knows of: it adopts the running one
    assert daemon.pid == before
    daemon.hand_over()
    assert daemon.pid != before
    assert ask(tmp_path / "server.sock") == str(daemon.pid)
    assert procfs.identity(before) is None


def test_a_killed_server_is_back_within_a_second_each_time(daemons, tmp_path):
    exits = []
    daemon = daemons(after_exit=exits.append)
    daemon.ensure()
    for count in (1, 2):
        old = daemon.pid
        begun = time.monotonic()
        os.kill(old, signal.SIGKILL)
        eventually(lambda old=old: ask(tmp_path / "server.sock") not in {"", str(old)})
        assert time.monotonic() - begun < 1
        assert exits == [137] * count


def test_repeated_deaths_are_followed_by_longer_pauses(daemons, tmp_path):
    starts = []
    broken = tmp_path / "broken"
    path = tmp_path / "server.sock"

    def command():
        starts.append(time.monotonic())
        path.unlink(missing_ok=True)
        return [sys.executable, "-c", "" if broken.exists() else SERVER, path]

    daemon = daemons(command=command)
    daemon.ensure()
    broken.touch()
    os.kill(daemon.pid, signal.SIGKILL)
    eventually(lambda: len(starts) >= 6, 10)
    assert starts[5] - starts[4] > 0.35
    broken.unlink()
    eventually(lambda: ask(path) == str(daemon.pid), 10)


def test_a_stop_ends_the_pauses_too(daemons, tmp_path):
    daemon = daemons()
    daemon.ensure()
    for _ in range(3):
        pid = eventually(lambda: daemon.pid)
        os.kill(pid, signal.SIGKILL)
        eventually(lambda pid=pid: daemon.pid != pid)
    daemon.stop()
    time.sleep(0.5)  # longer than the pause it was in
    assert daemon.pid is None
    assert procfs.writers(tmp_path / "daemons" / "server.out") == []


def test_the_next_platform_process_adopts_the_running_server(daemons, tmp_path):
    script = textwrap.dedent(HOLDER.format(path=[str(Path.cwd())], run=str(tmp_path)))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as first:
        pid = int(first.stdout.readline())
        first.kill()
        first.wait()
    ask(tmp_path / "server.sock", "say while nobody listened")
    heard = bytearray()
    exits = []
    daemon = daemons(output=heard.extend, after_exit=exits.append)
    daemon.ensure()
    assert daemon.pid == pid
    eventually(lambda: b"while nobody listened\n" in bytes(heard))
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: ask(tmp_path / "server.sock") != str(pid), 1)
    assert exits == [-1]


def test_stop_reaches_a_server_another_process_started(daemons, tmp_path):
    first = daemons()
    first.ensure()
    pid = first.pid
    first.release()
    assert ask(tmp_path / "server.sock") == str(pid)
    daemons().stop()
    eventually(lambda: procfs.identity(pid) is None)


def test_a_record_of_another_process_is_not_believed(daemons, tmp_path):
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (tmp_path / "daemons").mkdir()
        (tmp_path / "daemons" / "server.json").write_text(
            f'{{"pid": {stranger.pid}, "started": 1, "boot": "{procfs.boot_id()}", "exe": ""}}'
        )
        daemon = daemons()
        daemon.ensure()
        assert daemon.pid != stranger.pid
        daemon.stop()
        assert stranger.poll() is None
        stranger.kill()


def test_a_server_without_a_record_is_ended_before_a_new_one_starts(daemons, tmp_path):
    first = daemons()
    first.ensure()
    old = first.pid
    first.release()
    (tmp_path / "daemons" / "server.json").unlink()
    daemon = daemons()
    daemon.ensure()
    assert daemon.pid != old
    eventually(lambda: procfs.identity(old) is None)


def test_a_stubborn_server_is_killed_after_the_deadline(daemons, tmp_path):
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER
    path = tmp_path / "server.sock"
    daemon = daemons(command=lambda: [sys.executable, "-c", stubborn, path], stop_deadline=0.2)
    daemon.ensure()
    pid = daemon.pid
    begun = time.monotonic()
    daemon.stop()
    assert 0.2 <= time.monotonic() - begun < 2
    assert procfs.identity(pid) is None


def test_a_server_that_never_gets_ready_fails_with_its_last_lines(daemons, tmp_path):
    code = "import time; print('waiting for the moon', flush=True); time.sleep(600)"
    daemon = daemons(
        command=lambda: [sys.executable, "-c", code], ready=lambda: False, ready_deadline=0.5, error=ServiceUnreachable
    )
    with pytest.raises(ServiceUnreachable, match=r"server was not ready after 0\.5 s") as caught:
        daemon.ensure()
    assert caught.value.log == ("waiting for the moon",)
    assert daemon.pid is None
    assert procfs.writers(tmp_path / "daemons" / "server.out") == []


def test_a_server_that_ends_at_once_fails_at_once(daemons):
    code = "import sys; print('no such option'); sys.exit(3)"
    daemon = daemons(command=lambda: [sys.executable, "-c", code])
    begun = time.monotonic()
    with pytest.raises(PlatformError, match="server ended with status 3 before it was ready") as caught:
        daemon.ensure()
    assert time.monotonic() - begun < 3
    assert caught.value.log == ("no such option",)


def test_a_missing_program_is_one_sentence(daemons):
    daemon = daemons(command=lambda: ["/nonexistent/server"])
    with pytest.raises(PlatformError, match=r"server could not be started: /nonexistent/server: No such file"):
        daemon.ensure()


def test_what_a_killed_server_left_behind_is_gone_before_the_next_start(daemons, tmp_path):
    path = tmp_path / "server.sock"
    family = "import subprocess, sys; child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    family += "print('child', child.pid, flush=True)\n" + SERVER
    heard = bytearray()

    def command():
        path.unlink(missing_ok=True)
        return [sys.executable, "-c", family, path]

    daemon = daemons(command=command, output=heard.extend)
    daemon.ensure()
    child = int(heard.split()[1])
    old = daemon.pid
    os.kill(old, signal.SIGKILL)
    eventually(lambda: ask(path) != str(old))
    assert procfs.identity(child) is None


def test_an_output_callback_that_fails_does_not_stop_the_reading(daemons, tmp_path):
    heard = []

    def output(chunk):
        heard.append(chunk)
        raise ValueError("cannot take this")

    daemon = daemons(output=output)
    daemon.ensure()
    ask(tmp_path / "server.sock", "say again")
    eventually(lambda: b"".join(heard) == b"listening\nagain\n")
