"""The command as a person uses it in a terminal: the foreground `up`, Ctrl-C, --watch, `run` on a pty, editors."""

import contextlib
import fcntl
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest

from tests.support.live import FIXTURES, running, wait_for

pytestmark = pytest.mark.integration


@pytest.fixture
def hello(tmp_path):
    return shutil.copytree(FIXTURES / "hello", tmp_path / "hello")


@pytest.fixture
def own(tmp_path_factory):
    """A platform that nobody has started yet."""
    with running(tmp_path_factory.mktemp("own")) as platform:
        yield platform


class Terminal:
    """A command on a pseudo-terminal; `text` is what it has shown so far."""

    def __init__(self, argv, env, size=(24, 80), cwd=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd or "/")
            set_size(0, *size)
            os.execvpe(argv[0], argv, env)
        self.text = ""
        threading.Thread(target=self._read, daemon=True).start()

    def resize(self, rows, columns):
        set_size(self.fd, rows, columns)

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def shows(self, text, seconds=40.0):
        wait_for(lambda: text in self.text, f"{text!r} in {self.text!r}", seconds)

    def ends(self, seconds=40.0):
        found = []

        def ended():
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                found.append(os.waitstatus_to_exitcode(status))
            return bool(pid)

        wait_for(ended, f"the end; so far {self.text!r}", seconds)
        return found[0]

    def _read(self):
        with contextlib.suppress(OSError):
            while data := os.read(self.fd, 65536):
                self.text += data.decode(errors="replace")


def set_size(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def everything_of(home):
    """The processes that hold something of this TWELVE_HOME: pid and command line."""
    return subprocess.run(["pgrep", "-af", str(home)], capture_output=True, text=True, check=False).stdout.splitlines()


def test_up_in_the_foreground_shows_the_log_and_ctrl_c_stops_everything(own, hello):
    up = Terminal(own.command("up", str(hello), "--app", "hello"), own.environ)
    up.shows("Ctrl-C stops hello")
    own.get("hello", "/from-outside")
    up.shows('path="/from-outside"')
    up.type("\x03")
    assert up.ends() == 130
    assert "Stopping hello..." in up.text
    assert "Stopping all processes with SIGTERM" in up.text
    assert "Traceback" not in up.text
    assert own.cli("status", ok=False).returncode == 81
    assert everything_of(own.home) == []


def test_a_platform_somebody_else_started_stays(own, hello):
    own.up(hello, "first")
    up = Terminal(own.command("up", str(hello), "--app", "second"), own.environ)
    up.shows("Ctrl-C stops second")
    up.type("\x03")
    assert up.ends() == 130
    assert own.get("first").status == 200
    assert own.processes("second") == []


def test_a_terminal_lost_while_stopping_does_not_keep_it_from_the_end(own, hello):
    up = Terminal(own.command("up", str(hello)), own.environ)
    up.shows("State changed from starting to up")
    up.type("\x03")
    up.shows("Stopping hello")
    os.close(up.fd)
    assert up.ends() == 130
    wait_for(lambda: not everything_of(own.home), "the end of every process")


def test_a_signal_ends_it_just_as_well(own, hello):
    up = subprocess.Popen(
        own.command("up", str(hello), "--app", "hello"),
        env=own.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with up:
        for line in up.stdout:
            if "Ctrl-C stops hello" in line:
                up.send_signal(signal.SIGTERM)
        assert up.wait(60) == 143
    assert everything_of(own.home) == []


def test_watch_switches_on_a_saved_change_and_survives_a_broken_one(own, hello):
    up = Terminal(own.command("up", str(hello), "--app", "hello", "--watch"), own.environ)
    up.shows("Ctrl-C stops hello")
    code = (hello / "web.py").read_text()
    (hello / "web.py").write_text("this is no python(")
    up.shows("The last release goes on serving")
    assert own.get("hello").body.strip() == "hello 1"
    (hello / "web.py").write_text(code.replace('VERSION = "1"', 'VERSION = "2"'))
    wait_for(lambda: own.get("hello").body.strip() == "hello 2", "the saved change", 40)
    up.type("\x03")
    assert up.ends() == 130


def test_run_gives_a_terminal_with_its_size_and_the_exit_code(live, hello):
    live.up(hello, "terminal")
    shell = Terminal(
        live.command("run", "--app", "terminal", "sh"),
        {**live.environ, "TERM": "xterm", "COLUMNS": "7"},
        size=(33, 101),
    )
    shell.type("test -t 0 && echo on-a-$((1))-tty; stty size\n")
    shell.shows("on-a-1-tty")
    shell.shows("33 101")
    shell.resize(40, 90)
    os.kill(shell.pid, signal.SIGWINCH)
    time.sleep(0.2)
    wait_for(lambda: shell.type("stty size\n") or time.sleep(0.2) or "40 90" in shell.text, "the new size")
    shell.type("sleep 100\n")
    shell.shows("sleep 100")
    time.sleep(0.3)
    shell.type("\x03")
    shell.type("exit 7\n")
    assert shell.ends() == 7


def test_run_in_a_pipe_ends_with_its_input(live, hello):
    live.up(hello, "terminal")
    big = "x" * 300_000 + "\n"
    done = live.cli("run", "--app", "terminal", "--", "cat; echo end >&2", text=big)
    assert done.stdout == f"{big}end\n"


def test_logs_follow_until_ctrl_c(live, hello):
    live.up(hello, "terminal")
    logs = Terminal(live.command("logs", "--tail", "--app", "terminal"), live.environ)
    logs.shows("heroku[web.1]")
    live.get("terminal", "/while-following")
    logs.shows("/while-following")
    logs.type("\x03")
    assert logs.ends() == 130
    assert "Traceback" not in logs.text


def test_logs_go_on_over_a_new_server(own, hello):
    own.up(hello, "hello")
    logs = Terminal(own.command("logs", "--tail", "-n", "1", "--app", "hello"), own.environ)
    logs.shows("[")
    own.kill_server(signal.SIGHUP)
    own.up(hello, "hello")
    own.get("hello", "/after")
    logs.shows("/after")
    logs.type("\x03")
    assert logs.ends() == 130


def test_config_edit(live, hello):
    live.up(hello, "terminal")
    live.cli("config", "set", "KEPT=1", "CHANGED=old", "GONE=x", "--app", "terminal")
    live.extra["EDITOR"] = "sed -i -e $aADDED=y -e s/old/new/ -e /GONE/d"
    told = live.cli("config", "edit", "--app", "terminal").stdout
    assert told.startswith("Set ADDED, CHANGED; Removed GONE: v")
    found = json.loads(live.cli("config", "--show-values", "--json", "--app", "terminal").stdout)
    assert found == {"KEPT": "1", "CHANGED": "new", "ADDED": "y"}
    live.extra["EDITOR"] = "/nowhere/editor"
    told = live.cli("config", "edit", "--app", "terminal", ok=False).stderr
    assert "The editor /nowhere/editor cannot be started (No such file or directory), so nothing was changed." in told


def test_down_stops_what_a_killed_server_left(own, hello):
    own.up(hello, "hello")
    own.kill_server(signal.SIGKILL)
    assert own.get("hello").status == 200
    own.cli("down")
    assert everything_of(own.home) == []


def test_several_commands_start_one_server(own, hello):
    ups = [
        subprocess.Popen(
            own.command("up", str(hello), "--app", name, "-d"), env=own.environ, stderr=subprocess.PIPE, text=True
        )
        for name in ("one", "two", "three")
    ]
    told = [up.communicate(timeout=120)[1] for up in ups]
    assert [up.returncode for up in ups] == [0, 0, 0], told
    assert sum(text.count("Starting the platform") for text in told) == 1


def test_the_server_in_the_foreground_ends_in_order(own, hello):
    server = Terminal(own.command("server"), own.environ)
    wait_for(lambda: own.cli("status", ok=False).returncode == 0, "the server")
    own.up(hello, "hello")
    server.type("\x03")
    assert server.ends() == 0
    assert everything_of(own.home) == []
    assert "Traceback" not in server.text
