"""One reader that follows an app's stream: its own bounded buffer, so that nobody ever waits for it."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from twelve.core.model import LogFilter, LogLine
from twelve.core.policy import codes
from twelve.stages.logs.chunks import Chunk, lines_of

BUFFER_BYTES = 4 << 20
CHUNK_OVERHEAD = 256  # what a chunk of one short line costs besides its text
BATCH = 1000


@dataclass(frozen=True, slots=True)
class TailLine:
    """`cursor` goes back to `LogHub.tail(after=...)` to go on behind this line."""

    cursor: str
    line: LogLine


class Tail:
    """Lines as they come. `next` and `batch` wait up to `timeout` seconds (None: forever); `closed` says it is over.

    In an event loop: open it with `wake=lambda: loop.call_soon_threadsafe(event.set)`, and at each wake-up call
    `batch(0)` until it gives nothing. `wake` is called from whichever thread writes, and must not block.
    """

    def __init__(
        self,
        wanted: LogFilter,
        life: str,
        *,
        on_close: Callable[["Tail"], None],
        wake: Callable[[], None] | None = None,
        limit: int = BUFFER_BYTES,
    ) -> None:
        self.closed = False
        self._wanted = wanted
        self._life = life
        self._on_close = on_close
        self._wake = wake
        self._limit = limit
        self._ready = threading.Condition()
        self._chunks: deque[tuple[Chunk, int]] = deque()
        self._weight = 0
        self._lost = 0
        self._lost_since: datetime | None = None
        self._lines: Iterator[TailLine] = iter(())

    def feed(self, chunk: Chunk, start: int = 0) -> None:
        """Called by the hub. A full buffer drops its oldest lines and counts them."""
        if not self._wanted.accepts(chunk.source, chunk.process):
            return
        with self._ready:
            self._chunks.append((chunk, start))
            self._weight += _weight(chunk)
            while self._weight > self._limit and len(self._chunks) > 1:
                self._drop_oldest()
            self._ready.notify()
        if self._wake:
            self._wake()

    def missed(self, count: int, since: datetime) -> None:
        """Lines that were gone before this reader came back for them."""
        with self._ready:
            self._lost += count
            self._lost_since = self._lost_since or since

    def next(self, timeout: float | None = None) -> TailLine | None:
        """None when nothing came in time, or when it is closed and empty."""
        line = next(self._lines, None)
        if line is None:
            self._lines = self._take(timeout)
            line = next(self._lines, None)
        return line

    def batch(self, timeout: float | None = None, most: int = BATCH) -> list[TailLine]:
        first = self.next(timeout)
        found = [] if first is None else [first]
        while found and len(found) < most and (line := self.next(0)) is not None:
            found.append(line)
        return found

    def __iter__(self) -> Iterator[TailLine]:
        while (line := self.next()) is not None:
            yield line

    def close(self) -> None:
        """What is buffered can still be read."""
        self._on_close(self)
        self.end()

    def end(self) -> None:
        with self._ready:
            self.closed = True
            self._ready.notify_all()
        if self._wake:
            self._wake()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, timeout: float | None) -> Iterator[TailLine]:
        with self._ready:
            self._ready.wait_for(lambda: self._chunks or self._lost or self.closed, timeout)
            lost, since = self._lost, self._lost_since
            self._lost, self._lost_since = 0, None
            chunk, start = self._chunks.popleft() if self._chunks else (None, 0)
            if chunk:
                self._weight -= _weight(chunk)
        return self._render(chunk, start, lost, since)

    def _render(self, chunk: Chunk | None, start: int, lost: int, since: datetime | None) -> Iterator[TailLine]:
        if lost and since:
            before = chunk.first + start if chunk else 0
            yield TailLine(self._cursor(before), overflow(lost, since, chunk.stamp if chunk else since))
        if chunk:
            for number, line in enumerate(lines_of(chunk, start), chunk.first + start + 1):
                yield TailLine(self._cursor(number), line)

    def _cursor(self, number: int) -> str:
        return f"{self._life}-{number}"

    def _drop_oldest(self) -> None:
        chunk, start = self._chunks.popleft()
        self._weight -= _weight(chunk)
        self._lost += chunk.count - start
        self._lost_since = self._lost_since or chunk.stamp


def overflow(count: int, since: datetime, now: datetime) -> LogLine:
    text = codes.text("L11", count=count, since=since.isoformat(timespec="seconds"))
    return LogLine(now, "heroku", "logplex", text)


def _weight(chunk: Chunk) -> int:
    return len(chunk.raw) + CHUNK_OVERHEAD
