"""Starts processes where bubblewrap is refused: asks one small program (init.py) to fork, over a socket.

That program ends when we do, or close the socket; what it forked goes on. When it was killed, the next start begins
another one. A start is asked for first and its pid taken later, so that forking and asking go on side by side. The pid
comes over a pipe of its own: however whoever should write it ends, the pipe ends too.
"""

import contextlib
import marshal
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from twelve.stages.run.local import init
from twelve.stages.run.local.spawn import RESET, Start, Streams, as_call
from twelve.stages.run.local.tree import ID_VARIABLE

BLANK = str(UUID(int=0))
TRIES = 3
ANSWER = 32  # bytes: a pid, or an errno below zero


class Starter:
    def __init__(self, landlock: str) -> None:
        """`landlock`: the directory its package lies in; empty to do without."""
        self._landlock = landlock
        self._calls: socket.socket | None = None
        self._pid = 0
        self._lock = threading.Lock()

    def ensure(self) -> None:
        """Begin it, so that it gets ready while whoever starts processes does too."""
        with self._lock:
            if self._calls is None:
                self._begin()

    def spawn(self, start: Start, streams: Streams, status_file: Path) -> Callable[[], int]:
        """Gives what waits for the pid of the app's first process; `streams` have to stay open until then."""
        asked = self._ask(start, streams, status_file)

        def begun() -> int:
            answer = _read(asked)
            for _ in range(TRIES):  # it was killed before it came to ours
                answer = answer or _read(self._ask(start, streams, status_file))
            return _pid(answer)

        return begun

    def close(self) -> None:
        with self._lock:
            self._end()

    def _ask(self, start: Start, streams: Streams, status_file: Path) -> int:
        """Where the answer will be."""
        answer, theirs = os.pipe()
        call = marshal.dumps((start.env[ID_VARIABLE].encode(), start.groups))
        try:
            with self._lock, as_call(start, streams, status_file) as descriptors:
                self._send(call, [*descriptors, theirs])
        except BaseException:
            os.close(answer)
            raise
        finally:
            os.close(theirs)
        return answer

    def _send(self, call: bytes, descriptors: list[int]) -> None:
        """Once more, when it turns out to be dead."""
        try:
            socket.send_fds(self._calls or self._begin(), [call], descriptors)
        except (BrokenPipeError, ConnectionError):
            self._end()
            socket.send_fds(self._begin(), [call], descriptors)

    def _begin(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        argv = [sys.executable, "-I", "-S", init.__file__, ID_VARIABLE, self._landlock]
        actions = [(os.POSIX_SPAWN_DUP2, nothing, number) for number in (0, 1, 2)]
        with theirs:
            actions.append((os.POSIX_SPAWN_DUP2, theirs.fileno(), init.CALLS_FD))
            self._pid = os.posix_spawn(
                argv[0], argv, {ID_VARIABLE: BLANK}, file_actions=actions, setsid=True, setsigmask=[], setsigdef=RESET
            )
        os.close(nothing)
        self._calls = ours
        return ours

    def _end(self) -> None:
        if self._calls is None:
            return
        self._calls.close()
        self._calls = None
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)


def _read(answer: int) -> bytes:
    try:
        return os.read(answer, ANSWER)
    finally:
        os.close(answer)


def _pid(answer: bytes) -> int:
    if not answer:
        raise ChildProcessError("what starts processes does not answer")
    number = int(answer)
    if number < 0:
        raise OSError(-number, os.strerror(-number))
    return number
