"""A client's connection: uvicorn's protocol, with three things it lacks. What is written in one turn of the event loop
leaves together, so that an answer is one call to the kernel and one packet, not two of each. A request is bounded: its
head in bytes, the whole of it in time. And what is no HTTP at all is refused in JSON, as everything else is.
"""

import asyncio
from typing import Any, cast

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

LARGEST_HEAD = 64 * 1024  # bytes of a request's line and headers, and of what comes in the same packets


class Connection(HttpToolsProtocol):
    patience = 60.0  # seconds a request may take to come

    _head = 0  # bytes of a head that is not yet whole
    _slow: asyncio.TimerHandle | None = None  # set while a request has begun and is not whole

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(Together(cast("asyncio.Transport", transport), self.loop))
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        self._whole()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        in_head = self.scope is None or "path" not in self.scope
        if not in_head and (not self.cycle.more_body or self.cycle.response_complete):
            if self._slow is not None:
                self._whole()
        elif not self.transport.is_closing():
            self._wait(len(data) if in_head else 0)

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, msg)

    def _wait(self, size: int) -> None:
        if self._slow is None:
            self._slow = self.loop.call_later(self.patience, self._late)
        self._head += size
        if self._head > LARGEST_HEAD:
            self._refuse(431, f"The request's headers are larger than {LARGEST_HEAD // 1024} KB.")

    def _whole(self) -> None:
        self._head = 0
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _late(self) -> None:
        if self.cycle is None or not self.cycle.response_started:
            self._refuse(408, f"The request did not come within {self.patience:g} seconds.")
        self.transport.close()

    def _refuse(self, status: int, sentence: str) -> None:
        body = orjson.dumps({"error": sentence})
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()


class Together(asyncio.Transport):
    """What of a transport uvicorn uses, with the writes of one turn made one at its end."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._held:
            self._loop.call_soon(self._release)
        self._held.append(bytes(data))

    def close(self) -> None:
        self._release()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def _release(self) -> None:
        held, self._held = self._held, []
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))
