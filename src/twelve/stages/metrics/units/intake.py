"""Takes what is said of apps in a rollout out of the log stream, at once and never waiting; others read it later.

An app without a rollout has no follower, so it costs nothing. What does not fit into the queue is counted and dropped:
the log must not wait for a database.
"""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from twelve.core.formats import event_line

MOST_BYTES = 32 << 20  # of lines that wait, of all apps together


class Chunk(Protocol):
    """Whole lines of one origin and one moment, as the log stream has them; a `mode` says that they are raw ones."""

    @property
    def stamp(self) -> datetime: ...
    @property
    def source(self) -> str: ...
    @property
    def mode(self) -> str | None: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def count(self) -> int: ...
    @property
    def end(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Piece:
    """`routed`: raw lines of the front door; else what a process printed."""

    stamp: datetime
    lines: bytes
    routed: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """`reached`: the number of the app's first line that is not among them or before them."""

    pieces: Sequence[Piece]
    reached: int


class Intake:
    """Follows one app's stream. `feed` is called by whoever writes to the stream, `take` by one reader."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._pieces: deque[tuple[Piece, int]] = deque()
        self._bytes = 0
        self._reached = 0
        self._dropped = 0

    def feed(self, chunk: Chunk, start: int = 0) -> None:
        routed = chunk.mode is not None
        with self._lock:
            self._reached = chunk.end
            if not routed and (chunk.source != "app" or not event_line.speaks(chunk.raw)):
                return
            if self._bytes + len(chunk.raw) > self._most:
                self._dropped += chunk.count - start
                return
            lines = chunk.raw if not start else b"".join(chunk.raw.splitlines(keepends=True)[start:])
            self._bytes += len(lines)
            self._pieces.append((Piece(chunk.stamp, lines, routed), chunk.end))

    def missed(self, count: int, _since: datetime) -> None:
        with self._lock:
            self._dropped += count

    def take(self, most: int = MOST_BYTES) -> Taken:
        """The oldest, about so many bytes of them."""
        pieces: list[Piece] = []
        reached = 0
        with self._lock:
            while self._pieces and most > 0:
                piece, reached = self._pieces.popleft()
                self._bytes -= len(piece.lines)
                most -= len(piece.lines)
                pieces.append(piece)
            return Taken(pieces, reached if self._pieces else self._reached)

    @property
    def waits(self) -> bool:
        return bool(self._pieces)

    @property
    def dropped(self) -> int:
        """Lines that nobody will count."""
        return self._dropped
