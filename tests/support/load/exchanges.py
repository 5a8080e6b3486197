"""One request of each kind: `run` gives status and body, or raises OSError, EOFError, ValueError where it was lost."""

import asyncio
import hashlib
import json
import os
import time

from tests.support.load import wire


class Get:
    """A GET on a connection of its own, or on one of `kept` that are used again and again.

    A kept connection that the server closed while it was idle is opened again, as every client does; one that breaks
    once a request is on it is a loss.
    """

    repeatable = True

    def __init__(self, path="/", kept=0, headers=""):
        self._path, self._kept, self._headers = path, kept, headers
        self._idle = None

    async def run(self, target):
        headers = self._headers + ("" if self._kept else "Connection: close\r\n")
        request = wire.request(target, "GET", self._path, headers)
        if not self._kept:
            async with wire.connected(target) as (reader, writer):
                writer.write(request)
                return (await wire.response(reader))[:2]
        connection = await self._queue().get()
        try:
            if connection is None or connection[0].at_eof():
                connection = await wire.connect(target)
            connection[1].write(request)
            status, body, close = await wire.response(connection[0])
        except BaseException:
            self._give_back(connection, close=True)
            raise
        self._give_back(connection, close=close)
        return status, body

    def close(self):
        while self._idle and not self._idle.empty():
            self._give_away(self._idle.get_nowait())

    def _queue(self):
        if self._idle is None:
            self._idle = asyncio.Queue()
            for _ in range(self._kept):
                self._idle.put_nowait(None)
        return self._idle

    def _give_back(self, connection, *, close):
        if close:
            self._give_away(connection)
        self._idle.put_nowait(None if close else connection)

    def _give_away(self, connection):
        if connection:
            connection[1].close()


class Fresh:
    """A connection for each exchange; nothing to close at the end."""

    repeatable = False

    def close(self):
        pass


class Upload(Fresh):
    """A POST whose body takes `seconds` to send; the app must answer with its size and digest."""

    def __init__(self, path="/upload", size=200_000, seconds=1.0, parts=10):
        self._path, self._seconds = path, seconds
        self._parts = [os.urandom(size // parts) for _ in range(parts)]
        digest = hashlib.sha256(b"".join(self._parts)).hexdigest()
        self._expected = {"bytes": sum(map(len, self._parts)), "sha256": digest}

    async def run(self, target):
        length = f"Content-Length: {self._expected['bytes']}\r\nConnection: close\r\n"
        async with wire.connected(target) as (reader, writer):
            writer.write(wire.request(target, "POST", self._path, length))
            answer = asyncio.create_task(wire.response(reader))
            for part in self._parts:
                writer.write(part)
                if (await asyncio.wait({answer}, timeout=self._seconds / len(self._parts)))[0]:
                    break  # refused before the end
            status, body, _ = await answer
        if status < 400 and json.loads(body) != self._expected:
            raise ValueError(f"the upload arrived as {body!r}")
        return status, "uploaded"


class Events(Fresh):
    """Server-sent events: `count` of them, one every `seconds`, all of which must arrive."""

    def __init__(self, count=5, seconds=0.2):
        self._count = count
        self._path = f"/events?count={count}&seconds={seconds}"

    async def run(self, target):
        async with wire.connected(target) as (reader, writer):
            writer.write(wire.request(target, "GET", self._path, "Accept: text/event-stream\r\n"))
            status, body, _ = await wire.response(reader)
        got = body.count("data: ")
        if status < 400 and got != self._count:
            raise ValueError(f"{got} of {self._count} events arrived")
        return status, f"{got} events"


class WebSocket(Fresh):
    """A message every `pause` for `seconds`, each echoed. Gives how it ended: by us, or by an orderly close of theirs.

    A server may close whenever it likes, by a close frame or by ending the stream; a reset or an echo that never comes
    is a loss.
    """

    def __init__(self, path="/ws", seconds=5.0, pause=0.25):
        self._path, self._seconds, self._pause = path, seconds, pause

    async def run(self, target):
        async with wire.connected(target) as (reader, writer):
            status = await wire.upgrade(reader, writer, target, self._path)
            if status != 101:
                return status, "refused"
            until = time.monotonic() + self._seconds
            while time.monotonic() < until:
                if closed := await self._turn(reader, writer):
                    return status, closed
            return status, await self._farewell(reader, writer)

    async def _turn(self, reader, writer):
        """One message and its echo; how it was closed, if it was."""
        word = os.urandom(8).hex().encode()
        writer.write(wire.frame(wire.TEXT, word))
        kind, payload = await wire.read_frame(reader)
        if kind == wire.TEXT and payload != word:
            raise ValueError("another echo than what was sent")
        if kind == wire.TEXT:
            return await self._quiet(reader, writer)
        return await self._answer_close(kind, reader, writer)

    async def _quiet(self, reader, writer):
        """Nothing is on its way: here the other side may end the stream, too."""
        try:
            kind, _ = await asyncio.wait_for(wire.read_frame(reader), self._pause)
        except TimeoutError:
            return None
        except EOFError:
            return "ended by the server"
        return await self._answer_close(kind, reader, writer)

    async def _answer_close(self, kind, reader, writer):
        if kind != wire.CLOSE:
            raise ValueError(f"a frame of kind {kind}")
        writer.write(wire.frame(wire.CLOSE))
        return "closed by the server"

    async def _farewell(self, reader, writer):
        writer.write(wire.frame(wire.CLOSE))
        while (await wire.read_frame(reader))[0] != wire.CLOSE:
            pass
        return "closed by us"
