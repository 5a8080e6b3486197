"""Where all event streams meet: a bounded history an app, and everybody who follows it.

processes -> Pump -> publish -> history (ring of chunks) -> history(), tail()
router, engine, flow -> write ----^        └ Keep: the same in a file, where the next server finds it

The platform's own lines live under the app name "".
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from twelve.core.model import LogFilter, LogLine
from twelve.stages.logs.chunks import Chunk, lines_of, text_of, whole_lines
from twelve.stages.logs.keep import Keep
from twelve.stages.logs.tail import Tail

ANY = LogFilter()
OWN_FILE = "_platform"  # no app can be called that


class Follower(Protocol):
    """Is given every chunk by the thread that writes it, less its first `start` lines: it takes it and never waits."""

    def feed(self, chunk: Chunk, start: int = 0) -> None: ...
    def missed(self, count: int, since: datetime) -> None:
        """Lines behind its mark that were gone before it came back for them."""


class _Stream:
    """One app's lines. `total` is the number of the next one; `keep` has what an earlier server read."""

    def __init__(self, keep: Keep, limit: int) -> None:
        self.lock = threading.Lock()
        self.keep = keep
        self.life = keep.kept.life
        self.chunks: deque[Chunk] = deque(keep.kept.chunks)
        keep.kept.chunks.clear()
        self.total = max([0, *(chunk.end for chunk in self.chunks), *keep.kept.marks.values()])
        self.tails: tuple[Tail, ...] = ()
        self.followers: tuple[Follower, ...] = ()
        self._limit = limit
        self._trim()

    def append(self, source: str, process: str, stamp: datetime, raw: bytes, mode: str | None) -> None:
        count = raw.count(b"\n")
        with self.lock:
            chunk = Chunk(self.total, count, stamp, source, process, raw, mode)
            self.keep.lines(chunk)
            self.total = chunk.end
            self.chunks.append(chunk)
            self._trim()
            for tail in self.tails:
                tail.feed(chunk)
            for follower in self.followers:
                follower.feed(chunk)

    def _trim(self) -> None:
        while self.chunks and self.total - self.chunks[0].end >= self._limit:
            self.chunks.popleft()


class LogHub:
    """Every method may be called from any thread, and none waits for a reader.

    `directory` is where the next server finds the lines, a file an app; without one they end with this server.
    """

    def __init__(
        self,
        history: int = 1500,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        directory: Path | None = None,
    ) -> None:
        self._limit = history
        self._clock = clock
        self._directory = directory
        self._lock = threading.Lock()
        self._streams: dict[str, _Stream] = {}

    def write(self, app: str, process: str, text: str, *, source: str = "heroku") -> None:
        self.publish(app, source, process, self._clock(), text.encode(errors="replace"))

    def publish(
        self, app: str, source: str, process: str, stamp: datetime, lines: bytes, mode: str | None = None
    ) -> None:
        """Many lines at once, all of one process and one moment; with a `mode` the router's raw ones."""
        whole = whole_lines(lines) if mode is None else lines
        self._stream(app).append(source, process, stamp, whole, mode)

    def hold(self, app: str, key: str, beginning: bytes, *, more: bool = False) -> None:
        """The beginning of a line whose end has not been read yet: `more` of it, or another one, or none any more."""
        stream = self._stream(app)
        with stream.lock:
            stream.keep.hold(key, beginning, more=more)

    def held(self, app: str, key: str) -> bytes:
        """What is held under that key, by an earlier server if need be."""
        stream = self._stream(app)
        with stream.lock:
            return stream.keep.kept.held.get(key, b"")

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

        A cursor of a stream that is gone means that nothing of this one was seen yet. Lines that are gone meanwhile are
        counted in an L11 line (all of the app's: which of them were wanted is not known any more).
        """
        stream = self._stream(app)
        tail = Tail(wanted, stream.life, on_close=lambda closed: _leave(stream, closed), wake=wake)
        with stream.lock:
            if after is None:
                start = _last(stream.chunks, min(lines, self._limit), stream.total - self._limit, wanted)
                for chunk, skip in start:
                    tail.feed(chunk, skip)
            else:
                _catch_up(stream, tail, _number(stream, after))
            stream.tails = (*stream.tails, tail)
        return tail

    def follow(self, app: str, follower: Follower, mark: str, *, history: bool = False) -> None:
        """From its mark, or else from now on, and beyond `close`: drains carry the platform's last lines too.

        With `history` a follower without a mark gets what is there already.
        """
        stream = self._stream(app)
        with stream.lock:
            reached = stream.keep.kept.marks.get(mark, 0 if history else None)
            if reached is None:
                stream.keep.mark(mark, stream.total)
            else:
                _catch_up(stream, follower, reached)
            stream.followers = (*stream.followers, follower)

    def mark(self, app: str, mark: str, number: int) -> None:
        """Whoever follows under that mark is done with the lines before that number."""
        stream = self._stream(app)
        with stream.lock:
            stream.keep.mark(mark, number)

    def unmark(self, app: str, mark: str) -> None:
        if stream := self._streams.get(app):
            with stream.lock:
                stream.keep.unmark(mark)

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
        if stream is None:
            return
        with stream.lock:
            stream.keep.remove()
        for tail in stream.tails:
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
                stream = self._streams.get(app)
                if stream is None:
                    stream = self._streams[app] = _Stream(self._keep(app), self._limit)
        return stream

    def _keep(self, app: str) -> Keep:
        return Keep(self._directory / (app or OWN_FILE) if self._directory else None, os.urandom(4).hex())

    def _kept(self, app: str, lines: int, wanted: LogFilter) -> list[tuple[Chunk, int]]:
        stream = self._stream(app)
        with stream.lock:
            return _last(stream.chunks, min(lines, self._limit), stream.total - self._limit, wanted)


def _number(stream: _Stream, cursor: str) -> int:
    life, _, number = cursor.rpartition("-")
    return int(number) if life == stream.life and number.isdecimal() else 0


def _catch_up(stream: _Stream, reader: Follower, number: int) -> None:
    kept = [chunk for chunk in stream.chunks if chunk.end > number]
    if number and kept and kept[0].first > number:
        reader.missed(kept[0].first - number, kept[0].stamp)
    for chunk in kept:
        reader.feed(chunk, max(0, number - chunk.first))


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
