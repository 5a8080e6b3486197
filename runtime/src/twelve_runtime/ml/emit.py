"""Event lines leave on stdout at once, and never make a prediction wait: what the pipe does not take is kept in a
bounded queue that a thread empties, and what the queue does not take is dropped and counted.

Writing directly costs less than handing over to a thread and leaves nothing behind when the process is killed. On an
event loop the lines of one turn, as many as fit into one undivided write, leave together at its end, as the answers do.
So that a full
pipe cannot block us, it is opened a second time without blocking: the flag belongs to an opening, not to the pipe,
and so the other processes on the same pipe notice nothing.
"""

import asyncio
import os
import stat
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

LONGEST = 4096  # PIPE_BUF: a longer write may be mixed with another process's
QUEUE = 10_000  # lines
OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE


def now() -> str:
    """RFC 3339 with microseconds. The text of a second is made once."""
    second, rest = divmod(time.time_ns() // 1000, 1_000_000)
    return f"{_second(second)}.{rest:06d}Z"


@lru_cache(2)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Stdout:
    """Whole lines on a descriptor, from any thread. Survives a fork: the child starts with an empty queue."""

    def __init__(self, descriptor: int = 1, limit: int = QUEUE) -> None:
        self._blocking = descriptor
        self._limit = limit
        self._quick = _opened_again(descriptor)
        self._queue: deque[bytes] = deque()
        self._held: list[bytes] = []
        self._dropped = self._size = 0
        self._soon: Callable[[Callable[[], None]], object] = _at_once
        self._owner: int | None = None
        self._thread: threading.Thread | None = None
        self._lock, self._some = threading.Lock(), threading.Event()
        os.register_at_fork(after_in_child=self._start_afresh)

    def on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Lines of this loop's thread wait for the end of its turn."""
        self._soon, self._owner = loop.call_soon, threading.get_ident()

    def event(self, name: str, **fields: Any) -> None:
        self.line(orjson.dumps({"event": name, "schema": 1, "ts": now(), **fields}, option=OPTIONS))

    def line(self, line: bytes) -> None:
        """One line with its newline."""
        if self._owner is None or self._owner != threading.get_ident():
            return self._write(line)
        if not self._held:
            self._soon(self._release)
        elif self._size + len(line) > LONGEST:
            self._release()
        self._held.append(line)
        self._size += len(line)
        return None

    def _release(self) -> None:
        if held := self._held:
            self._held, self._size = [], 0
            self._write(b"".join(held))

    def _write(self, line: bytes) -> None:
        """One line or several."""
        if self._quick is not None and not self._queue and len(line) <= LONGEST:
            try:
                os.write(self._quick, line)
            except BlockingIOError:
                pass
            except OSError:
                return  # nobody reads any more
            else:
                return
        self._enqueue(line)

    def flush(self, seconds: float = 2.0) -> None:
        """Before the process ends; gives up when nobody reads."""
        self._release()
        deadline = time.monotonic() + seconds
        while self._queue and time.monotonic() < deadline:
            time.sleep(0.01)

    def _start_afresh(self) -> None:
        """In a child nothing of the parent's is left: neither its lines nor its thread."""
        self._queue.clear()
        self._held.clear()
        self._dropped = self._size = 0
        self._owner = self._thread = None
        self._lock, self._some = threading.Lock(), threading.Event()

    def _enqueue(self, lines: bytes) -> None:
        with self._lock:
            for line in lines.splitlines(keepends=True):
                if len(self._queue) < self._limit:
                    self._queue.append(line)
                else:
                    self._dropped += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._empty, name="event lines", daemon=True)
                self._thread.start()
        self._some.set()

    def _empty(self) -> None:
        """Blocks where the others must not. A line leaves the queue when it is written: `line` must not overtake it."""
        while True:
            self._some.wait()
            self._some.clear()
            while self._queue:
                with suppress(OSError):
                    os.write(self._blocking, self._queue[0])
                self._queue.popleft()
                self._tell_dropped()

    def _tell_dropped(self) -> None:
        with self._lock:
            count, self._dropped = self._dropped, 0
        if count:
            fields = {"event": "log_dropped", "schema": 1, "ts": now(), "lines": count}
            with suppress(OSError):
                os.write(self._blocking, orjson.dumps(fields, option=OPTIONS))


def _at_once(_: Callable[[], None]) -> None:
    """Before there is a loop nothing is held."""


def _opened_again(descriptor: int) -> int | None:
    """A descriptor of our own that does not block; None when there can be none, and the thread writes every line."""
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            return descriptor  # a file on disk never blocks for long, and its position is shared with others
        if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
            return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        pass
    return None
