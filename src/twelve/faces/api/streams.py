"""Answers that go on for a while: each has a thread that may block for its next piece, so the event loop never does.

The threads are daemons: one that waits for a line nobody prints does not keep the server from ending.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterable
from typing import Generic, TypeVar

from starlette.responses import StreamingResponse

AHEAD = 16  # pieces read ahead of a slow client

Piece = TypeVar("Piece")


def text(pieces: Iterable[bytes]) -> StreamingResponse:
    return StreamingResponse(pumped(pieces), media_type="text/plain")


async def pumped(pieces: Iterable[Piece]) -> AsyncIterator[Piece]:
    """The pieces of an iterator that blocks, one at a time, as they come."""
    pump = _Pump(pieces, asyncio.get_running_loop())
    threading.Thread(target=pump.run, name="stream", daemon=True).start()
    try:
        while (piece := await pump.queue.get()) is not None:
            yield piece
    finally:
        pump.stop()


class _Pump(Generic[Piece]):
    def __init__(self, pieces: Iterable[Piece], loop: asyncio.AbstractEventLoop) -> None:
        self.queue: asyncio.Queue[Piece | None] = asyncio.Queue(AHEAD)
        self._pieces = pieces
        self._loop = loop
        self._stopped = False

    def run(self) -> None:
        """In the stream's own thread."""
        try:
            for piece in self._pieces:
                self._put(piece)
                if self._stopped:
                    return
        finally:
            self._put(None)

    def stop(self) -> None:
        self._stopped = True
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:  # whoever waits to put something in may go on, and see that it is over
                self.queue.get_nowait()

    def _put(self, piece: Piece | None) -> None:
        putting = self.queue.put(piece)
        try:
            asyncio.run_coroutine_threadsafe(putting, self._loop).result()
        except RuntimeError:  # the loop has ended, and the client with it
            putting.close()
            self._stopped = True
