"""What waits for one drain: the newest messages of an app's stream, and how many older ones had to go."""

import threading
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from twelve.core.formats.syslog import Message, priority
from twelve.core.policy.drain import BUFFER_MESSAGES, NONE, Losses
from twelve.stages.logs.chunks import Chunk

HEAD_BYTES = 96  # what a message weighs besides its text
SETTLE = 0.02  # seconds: what comes right behind a message shares its frame
ENOUGH = 256  # messages that are not kept waiting for company


class Batch(NamedTuple):
    messages: list[Message]
    losses: Losses
    reached: int  # the number of the line behind the last of them


class Buffer:
    """Fed by the hub's writers, who never wait: a full buffer drops its oldest messages and counts them."""

    def __init__(self, most: int = BUFFER_MESSAGES) -> None:
        self.ended = False
        self._most = most
        self._changed = threading.Condition()
        self._chunks: deque[tuple[Chunk, int]] = deque()  # and how many of its first lines are gone
        self._count = 0
        self._losses = NONE

    def feed(self, chunk: Chunk, start: int = 0) -> None:
        with self._changed:
            if self.ended:
                return
            self._chunks.append((chunk, start))
            self._count += chunk.count - start
            while self._count > self._most:
                self._drop(self._count - self._most)
            self._changed.notify()

    def missed(self, count: int, since: datetime) -> None:
        with self._changed:
            self._losses += Losses(count, since)

    def end(self) -> None:
        """Nothing comes any more; what is here can still be taken."""
        with self._changed:
            self.ended = True
            self._changed.notify()

    def wait(self, timeout: float) -> bool:
        """Whether messages are here, within `timeout` seconds; at the end at once."""
        with self._changed:
            self._changed.wait_for(lambda: self._count or self.ended, timeout)
            if self._count:
                self._changed.wait_for(lambda: self._count >= ENOUGH or self.ended, SETTLE)
            return self._count > 0

    def take(self, most_bytes: int) -> Batch:
        """The oldest messages, about so many bytes of them, and what was dropped before them."""
        for chunk in self._next_chunks(most_bytes):
            _ = chunk.data  # some are written out when first read: not while a writer waits for us
        with self._changed:
            losses, self._losses = self._losses, NONE
            messages: list[Message] = []
            reached = 0
            left = most_bytes
            while left > 0 and self._chunks:
                chunk, start = self._chunks.popleft()
                taken = list(_fitting(chunk, start, left))
                left -= sum(len(message.text) + HEAD_BYTES for message in taken)
                messages += taken
                reached = chunk.first + start + len(taken)
                if start + len(taken) < chunk.count:
                    self._chunks.appendleft((chunk, start + len(taken)))
            self._count -= len(messages)
        return Batch(messages, losses, reached)

    def _next_chunks(self, most_bytes: int) -> list[Chunk]:
        found: list[Chunk] = []
        with self._changed:
            for chunk, _ in self._chunks:
                if most_bytes <= 0:
                    break
                found.append(chunk)
                most_bytes -= len(chunk.raw)
        return found

    def _drop(self, surplus: int) -> None:
        chunk, start = self._chunks.popleft()
        dropped = min(surplus, chunk.count - start)
        self._count -= dropped
        self._losses += Losses(dropped, chunk.stamp)
        if start + dropped < chunk.count:
            self._chunks.appendleft((chunk, start + dropped))


def _fitting(chunk: Chunk, start: int, most_bytes: int) -> Iterator[Message]:
    """At least one, so that a frame never stays empty."""
    kind = priority(chunk.source, chunk.process)
    for text in chunk.data[:-1].split(b"\n")[start:]:
        if most_bytes <= 0:
            return
        yield Message(kind, chunk.stamp, chunk.source, chunk.process, text)
        most_bytes -= len(text) + HEAD_BYTES
