"""From the pipes of all processes into the log stream: one thread, 64 KiB a read, one stamp a chunk.

attach -> (pipe readable -> read -> whole lines -> publish -> rest)* -> finish

Who writes without end waits for us at his full pipe, not his neighbours for a processor: what the rest costs is his.
"""

import contextlib
import fcntl
import logging
import os
import select
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Protocol

from twelve.stages.logs.chunks import LONGEST_LINE, cut

log = logging.getLogger(__name__)

READ_BYTES = 1 << 16
PIPE_BYTES = 1 << 18  # what waits in the kernel while nobody reads
MUCH = 1 << 10  # bytes of all pipes in a turn, after which we rest
REST = 0.001  # seconds; or as long as the turn took, so that no flood has more than half a core of ours
TAIL_BYTES = 1 << 15
LAST_LINES = 20


class Stream(Protocol):
    """Where lines go, and where the beginning of one waits for its end: the next server may have to read that."""

    def publish(self, app: str, source: str, process: str, stamp: datetime, lines: bytes) -> None: ...
    def hold(self, app: str, key: str, beginning: bytes, *, more: bool = False) -> None: ...
    def held(self, app: str, key: str) -> bytes: ...


class _Pipe:
    """One process's output. `lock` is held while it is read: by the pump's thread, or by who finishes it."""

    def __init__(self, fd: int, app: str, process: str, key: str, stream: Stream) -> None:
        self.fd = fd
        self.lock = threading.Lock()
        self.closed = False
        self.deserted = False  # no writer: woken by the next one only
        self._capacity = _capacity(fd)
        self._app = app
        self._process = process
        self._key = key
        self._stream = stream
        self._carry = stream.held(app, key)
        self._recent: deque[bytes] = deque()
        self._recent_bytes = 0

    def read(self) -> int | None:
        """One read; how many bytes it gave, 0 when nobody holds the other end, None when nothing waits."""
        try:
            data = os.read(self.fd, READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:  # a terminal whose other side is gone says EIO
            return 0
        if data:
            self._take(data)
        return len(data)

    def serve(self) -> int | None:
        """What waits in the pipe, but not what comes while we look: how much, as `read` says it."""
        first = self.read()
        total = got = first or 0
        while got == READ_BYTES and total < self._capacity:
            got = self.read() or 0
            total += got
        return first and total

    def drain(self) -> None:
        """All that waits now, but no more than a pipe can hold: descendants may go on writing for ever."""
        left = self._capacity
        while left > 0 and (got := self.read()):
            left -= got

    def end(self) -> None:
        self.drain()
        if self._carry:
            self._emit(self._carry + b"\n")
            self._stream.hold(self._app, self._key, b"")
            self._carry = b""
        self.closed = True
        os.close(self.fd)

    def tail(self, lines: int) -> tuple[str, ...]:
        text = b"".join(self._recent).decode(errors="replace")
        return tuple(line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")[-lines:]) if text else ()

    def _take(self, fresh: bytes) -> None:
        before = self._carry
        data = before + fresh
        end = data.rfind(b"\n") + 1
        self._carry = data[end:]
        if end:
            self._emit(data[:end])
        while len(self._carry) > LONGEST_LINE + 1:  # + 1: a carriage return whose newline is still to come
            at = cut(self._carry)
            self._emit(self._carry[:at] + b"\n")
            self._carry = self._carry[at:]
        self._keep_beginning(before, fresh)

    def _keep_beginning(self, before: bytes, fresh: bytes) -> None:
        """Only what is new of it: a line may come byte by byte."""
        if before and len(self._carry) == len(before) + len(fresh):
            self._stream.hold(self._app, self._key, fresh, more=True)
        elif before or self._carry:
            self._stream.hold(self._app, self._key, self._carry)

    def _emit(self, lines: bytes) -> None:
        self._stream.publish(self._app, "app", self._process, datetime.now(UTC), lines)
        self._recent.append(lines)
        self._recent_bytes += len(lines)
        while self._recent_bytes - len(self._recent[0]) >= TAIL_BYTES:
            self._recent_bytes -= len(self._recent.popleft())


class Pump:
    """`attach` and `finish` may be called from any thread, `start` before the first, `stop` at the end.

    `rest` before that, where another server goes on: what is read once nobody can be told of it would be lost.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._pipes: dict[int, _Pipe] = {}
        self._epoll = select.epoll()
        self._stop = os.eventfd(0)
        self._thread = threading.Thread(target=self._run, name="log-pump", daemon=True)

    def start(self) -> None:
        self._epoll.register(self._stop, select.EPOLLIN)
        self._thread.start()

    def rest(self) -> None:
        """Stop reading; what the pipes hold stays there for the next server."""
        os.eventfd_write(self._stop, 1)
        self._thread.join()

    def stop(self) -> None:
        self.rest()
        self._epoll.close()
        os.close(self._stop)

    def attach(self, fd: int, app: str, process: str, key: str) -> None:
        os.set_blocking(fd, False)
        with contextlib.suppress(OSError):  # no pipe, or a user over his quota: the usual 64 KiB then
            if _capacity(fd) < PIPE_BYTES:
                fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._pipes[fd] = _Pipe(fd, app, process, key, self._stream)
        self._epoll.register(fd, select.EPOLLIN)

    def finish(self, fd: int) -> tuple[str, ...]:
        """Give the last lines the process printed, besides what core.ports asks for."""
        pipe = self._pipes.pop(fd, None)
        if pipe is None:
            return ()
        with contextlib.suppress(OSError):
            self._epoll.unregister(fd)
        with pipe.lock:
            pipe.end()
            return pipe.tail(LAST_LINES)

    def _run(self) -> None:
        while True:
            ready = self._epoll.poll()
            begun, got = time.thread_time(), 0
            for fd, _ in ready:
                if fd == self._stop:
                    return
                pipe = self._pipes.get(fd)
                if pipe:
                    got += self._serve(pipe)
            if got >= MUCH:
                time.sleep(max(REST, time.thread_time() - begun))

    def _serve(self, pipe: _Pipe) -> int:
        """How many bytes it gave."""
        got = None
        try:
            with pipe.lock:
                if not pipe.closed:
                    got = pipe.serve()
                    self._mind(pipe, deserted=got == 0)
        except Exception:  # one process's trouble must not silence the others
            log.exception("Output of %s could not be read", pipe.fd)
        return got or 0

    def _mind(self, pipe: _Pipe, *, deserted: bool) -> None:
        """A pipe without a writer is always "ready": ask to be woken by the next writer only, not over and over."""
        if deserted == pipe.deserted:
            return
        pipe.deserted = deserted
        with contextlib.suppress(OSError):
            self._epoll.modify(pipe.fd, select.EPOLLIN | (select.EPOLLET if deserted else 0))


def _capacity(fd: int) -> int:
    try:
        return fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
    except OSError:
        return READ_BYTES
