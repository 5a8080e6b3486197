"""Where all event streams meet: a bounded history an app, and everybody who follows it.

processes -> Pump -> publish -> history (ring of chunks) -> history(), tail()
router, engine, flow -> write ----^

The platform's own lines live under the app name "".
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Protocol

from twelve.core.model import LogFilter, LogLine
from twelve.stages.logs.chunks import Chunk, lines_of, text_of, whole_lines
from twelve.stages.logs.tail import Tail

ANY = LogFilter()
Render = Callable[[bytes], bytes]


class Follower(Protocol):
    """Is given every chunk by the thread that writes it: it takes it at once and never waits."""

    def feed(self, chunk: Chunk) -> None: ...


class _Stream:
    """One app's lines. `total` is the number of the next one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.chunks: deque[Chunk] = deque()
        self.total = 0
        self.tails: tuple[Tail, ...] = ()
        self.followers: tuple[Follower, ...] = ()

    def append(self, source: str, process: str, stamp: datetime, raw: bytes, render: Render | None, limit: int) -> None:
        count = raw.count(b"\n")
        with self.lock:
            chunk = Chunk(self.total, count, stamp, source, process, raw, render)
            self.total = chunk.end
            self.chunks.append(chunk)
            while self.total - self.chunks[0].end >= limit:
                self.chunks.popleft()
            for tail in self.tails:
                tail.feed(chunk)
            for follower in self.followers:
                follower.feed(chunk)


class LogHub:
    """Every method may be called from any thread, and none waits for a reader."""

    def __init__(self, history: int = 1500, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._limit = history
        self._clock = clock
        self._life = os.urandom(4).hex()
        self._lock = threading.Lock()
        self._streams: dict[str, _Stream] = {}

    def write(self, app: str, process: str, text: str, *, source: str = "heroku") -> None:
        self.publish(app, source, process, self._clock(), text.encode(errors="replace"))

    def publish(
        self, app: str, source: str, process: str, stamp: datetime, lines: bytes, render: Render | None = None
    ) -> None:
        """Many lines at once, all of one process and one moment; whole ones with what writes them out when read."""
        whole = lines if render else whole_lines(lines)
        self._stream(app).append(source, process, stamp, whole, render, self._limit)

    def history(self, app: str, lines: int, wanted: LogFilter = ANY) -> list[LogLine]:
        """The last `lines` of those wanted, oldest first."""
        return [line for chunk, start in self._kept(app, lines, wanted) for line in lines_of(chunk, start)]

    def text(self, app: str, lines: int, wanted: LogFilter = ANY) -> Iterator[str]:
        """The same written out, many lines at a time."""
        for chunk, start in self._kept(app, lines, wanted):
            yield text_of(chunk, start)

    def tail(
        self,
        app: str,
        wanted: LogFilter = ANY,
        *,
        after: str | None = None,
        lines: int = 0,
        wake: Callable[[], None] | None = None,
    ) -> Tail:
        """Follow the app from now on: behind the cursor `after`, or beginning with the last `lines` of the history.

        A cursor of an earlier server means that nothing of this one was seen yet. Lines that are gone meanwhile are
        counted in an L11 line (all of the app's: which of them were wanted is not known any more).
        """
        stream = self._stream(app)
        tail = Tail(wanted, self._life, on_close=lambda closed: _leave(stream, closed), wake=wake)
        with stream.lock:
            if after is None:
                start = _last(stream.chunks, min(lines, self._limit), stream.total - self._limit, wanted)
                for chunk, skip in start:
                    tail.feed(chunk, skip)
            else:
                self._catch_up(stream, tail, self._number(after))
            stream.tails = (*stream.tails, tail)
        return tail

    def follow(self, app: str, follower: Follower) -> None:
        """From now on and beyond `close`: drains carry the last lines of a stopping platform too."""
        stream = self._stream(app)
        with stream.lock:
            stream.followers = (*stream.followers, follower)

    def unfollow(self, app: str, follower: Follower) -> None:
        stream = self._streams.get(app)
        if stream is None:
            return
        with stream.lock:
            stream.followers = tuple(other for other in stream.followers if other is not follower)

    def forget(self, app: str) -> None:
        """Drop its history and end everybody who follows it."""
        with self._lock:
            stream = self._streams.pop(app, None)
        for tail in stream.tails if stream else ():
            tail.end()

    def close(self) -> None:
        """End every reader: the server stops."""
        with self._lock:
            streams = list(self._streams.values())
        for tail in [tail for stream in streams for tail in stream.tails]:
            tail.end()

    def _stream(self, app: str) -> _Stream:
        stream = self._streams.get(app)
        if stream is None:
            with self._lock:
                stream = self._streams.setdefault(app, _Stream())
        return stream

    def _kept(self, app: str, lines: int, wanted: LogFilter) -> list[tuple[Chunk, int]]:
        stream = self._stream(app)
        with stream.lock:
            return _last(stream.chunks, min(lines, self._limit), stream.total - self._limit, wanted)

    def _number(self, cursor: str) -> int:
        life, _, number = cursor.rpartition("-")
        return int(number) if life == self._life and number.isdecimal() else 0

    def _catch_up(self, stream: _Stream, tail: Tail, number: int) -> None:
        kept = [chunk for chunk in stream.chunks if chunk.end > number]
        if number and kept and kept[0].first > number:
            tail.missed(kept[0].first - number, kept[0].stamp)
        for chunk in kept:
            tail.feed(chunk, max(0, number - chunk.first))


def _last(chunks: deque[Chunk], lines: int, oldest: int, wanted: LogFilter) -> list[tuple[Chunk, int]]:
    """The last `lines` wanted lines not older than number `oldest`, as chunks and how many of their lines to skip."""
    found: list[tuple[Chunk, int]] = []
    for chunk in reversed(chunks):
        if lines <= 0:
            break
        if wanted.accepts(chunk.source, chunk.process):
            start = max(0, chunk.count - lines, oldest - chunk.first)
            found.append((chunk, start))
            lines -= chunk.count - start
    return found[::-1]


def _leave(stream: _Stream, tail: Tail) -> None:
    with stream.lock:
        stream.tails = tuple(other for other in stream.tails if other is not tail)
