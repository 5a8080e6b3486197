"""A start as data, and the one place where it becomes a process."""

import contextlib
import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from twelve.stages.run.local.cgroups import through

STATUS_FD, ARGUMENTS_FD = 3, 4  # where a sandbox's program finds its status file and its arguments
_ABOVE = 64  # our own descriptors are moved out of the way of those numbers
RESET = [number for number in signal.valid_signals() if number not in {signal.SIGKILL, signal.SIGSTOP}]


@dataclass(frozen=True, slots=True)
class Start:
    """`argv` and `env` are the sandbox's own. `arguments` reach it in memory: they hold the app's environment, which
    must not show in argv, nor act (LD_PRELOAD) on a program outside the sandbox. `groups` are the files through which
    it joins its control groups before anything of it runs."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    arguments: bytes
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Streams:
    """Descriptors for stdin and for stdout and stderr together; or a terminal's path for all three."""

    stdin: int = -1
    output: int = -1
    terminal: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A command to run beside an app."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path | None = None


def spawn(start: Start, streams: Streams, status_file: Path) -> int:
    """In a session of its own, with default signals and no descriptor but its own; gives the pid."""
    status = _out_of_the_way(os.open(status_file, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
    arguments = _out_of_the_way(_in_memory(start.arguments))
    actions = [
        *_stdio(streams),
        (os.POSIX_SPAWN_DUP2, status, STATUS_FD),
        (os.POSIX_SPAWN_DUP2, arguments, ARGUMENTS_FD),
    ]
    argv = through(start.groups, start.argv)
    try:
        return os.posix_spawn(
            argv[0], argv, start.env, file_actions=actions, setsid=True, setsigmask=[], setsigdef=RESET
        )
    finally:
        os.close(status)
        os.close(arguments)


@contextlib.contextmanager
def as_call(start: Start, streams: Streams, status_file: Path) -> Iterator[list[int]]:
    """The same for somebody else to spawn: stdin, output, status file and arguments, as descriptors."""
    with contextlib.ExitStack() as opened:
        stdin, output = streams.stdin, streams.output
        if streams.terminal:
            stdin = output = os.open(streams.terminal, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
            opened.callback(os.close, stdin)
        status = os.open(status_file, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        opened.callback(os.close, status)
        arguments = _in_memory(start.arguments)
        opened.callback(os.close, arguments)
        yield [stdin, output, status, arguments]


def run_beside(command: Command, timeout: float) -> int | None:
    """Its status; None when it takes too long."""
    try:
        ended = subprocess.run(
            command.argv,
            env=dict(command.env),
            cwd=command.cwd,
            timeout=timeout,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    except OSError:
        return 127
    return ended.returncode


def _stdio(streams: Streams) -> list[tuple[int, int, int] | tuple[int, int, str, int, int]]:
    if streams.terminal:  # nobody's controlling terminal yet: the shell inside makes it its own
        opened = (os.POSIX_SPAWN_OPEN, 0, streams.terminal, os.O_RDWR | os.O_NOCTTY, 0)
        return [opened, (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)]
    return [
        (os.POSIX_SPAWN_DUP2, streams.stdin, 0),
        (os.POSIX_SPAWN_DUP2, streams.output, 1),
        (os.POSIX_SPAWN_DUP2, streams.output, 2),
    ]


def _in_memory(content: bytes) -> int:
    descriptor = os.memfd_create("arguments", os.MFD_CLOEXEC)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _out_of_the_way(descriptor: int) -> int:
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _ABOVE)
    finally:
        os.close(descriptor)
