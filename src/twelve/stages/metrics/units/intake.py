"""Takes what is said of apps in a rollout out of the log stream, at once and never waiting; others read it later.

An app without a rollout has no follower, so it costs nothing. What does not fit into the queue is counted and dropped:
the log must not wait for a database.
"""

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from twelve.core.formats import event_line

MOST_BYTES = 32 << 20  # of lines that wait, of all apps together
ROUTER = "router"


class Chunk(Protocol):
    """Whole lines of one origin and one moment, as the log stream has them."""

    @property
    def stamp(self) -> datetime: ...
    @property
    def source(self) -> str: ...
    @property
    def process(self) -> str: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def count(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Piece:
    """`routed`: raw lines of the front door; else what a process printed."""

    stamp: datetime
    lines: bytes
    routed: bool


class Intake:
    """Follows one app's stream. `feed` is called by whoever writes to the stream, `take` by one reader."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._pieces: deque[Piece] = deque()
        self._bytes = 0
        self._dropped = 0

    def feed(self, chunk: Chunk) -> None:
        routed = chunk.source != "app"
        if routed and chunk.process != ROUTER:
            return
        if not routed and not event_line.speaks(chunk.raw):
            return
        with self._lock:
            if self._bytes + len(chunk.raw) > self._most:
                self._dropped += chunk.count
                return
            self._bytes += len(chunk.raw)
            self._pieces.append(Piece(chunk.stamp, chunk.raw, routed))

    def take(self, most: int = MOST_BYTES) -> list[Piece]:
        """The oldest, about so many bytes of them."""
        taken: list[Piece] = []
        with self._lock:
            while self._pieces and most > 0:
                piece = self._pieces.popleft()
                self._bytes -= len(piece.lines)
                most -= len(piece.lines)
                taken.append(piece)
        return taken

    @property
    def dropped(self) -> int:
        """Lines that nobody will count."""
        return self._dropped
