"""Starts processes where bubblewrap is refused: asks one small program (init.py) to fork, over a socket.

That program ends when we do, or close the socket; what it forked goes on. When it was killed, the next start begins
another one.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from twelve.stages.run.local import init
from twelve.stages.run.local.spawn import RESET, Start, Streams, as_call
from twelve.stages.run.local.tree import ID_VARIABLE

BLANK = str(UUID(int=0))


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

    def spawn(self, start: Start, streams: Streams, status_file: Path) -> int:
        call = {"variable": ID_VARIABLE, "id": start.env[ID_VARIABLE], "groups": start.groups}
        with self._lock, as_call(start, streams, status_file) as descriptors:
            answer = json.loads(self._ask(json.dumps(call).encode(), descriptors))
        if "pid" not in answer:
            raise OSError(answer["errno"], os.strerror(answer["errno"]))
        return int(answer["pid"])

    def close(self) -> None:
        with self._lock:
            self._end()

    def _ask(self, call: bytes, descriptors: list[int]) -> bytes:
        """Once more, when it turns out to be dead."""
        for calls in self._connections():
            with contextlib.suppress(BrokenPipeError, ConnectionError):
                socket.send_fds(calls, [call], descriptors)
                if answer := calls.recv(1024):
                    return answer
        raise ChildProcessError("what starts processes does not answer")

    def _connections(self) -> Iterator[socket.socket]:
        for _ in range(2):
            calls = self._calls or self._begin()
            yield calls
            self._end()

    def _begin(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        argv = [sys.executable, "-I", "-S", init.__file__, *filter(None, [self._landlock])]
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
