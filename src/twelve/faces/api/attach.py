"""Attached one-offs: a process whose input and output go through a websocket.

    POST /apps/notes/dynos {attach: true}  ->  attach_url: ws://HOST/_attach/SECRET, single use, good for a minute

Binary frames are raw bytes, both ways. Text frames are JSON: the client says {"resize": [columns, rows]} and
{"eof": true}, the server {"exit": STATUS} as its last frame.
"""

import asyncio
import contextlib
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.types import Message
from starlette.websockets import WebSocket

from twelve.core.ports import AttachedProcess
from twelve.faces.api import streams
from twelve.faces.api.routes import Routes

PROTOCOL = "twelve-attach"
SECONDS = 60.0
WRITES = CapacityLimiter(256)  # a process that does not read keeps a thread waiting, and no other client

routes = Routes()


class Waiting:
    """Processes that were started attached and whose client has not come yet; hung up on when it never does."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._processes: dict[bytes, tuple[AttachedProcess, threading.Timer]] = {}
        self._lock = threading.Lock()

    def leave(self, process: AttachedProcess) -> str:
        """The secret it is fetched with. Only its digest is kept."""
        secret = secrets.token_hex(16)
        timer = threading.Timer(self._seconds, self._expire, [_digest(secret)])
        timer.daemon = True
        with self._lock:
            self._processes[_digest(secret)] = process, timer
        timer.start()
        return secret

    def fetch(self, secret: str) -> AttachedProcess | None:
        """Once."""
        return self._take(_digest(secret))

    def _take(self, digest: bytes) -> AttachedProcess | None:
        with self._lock:
            process, timer = self._processes.pop(digest, (None, None))
        if timer is not None:
            timer.cancel()
        return process

    def _expire(self, digest: bytes) -> None:
        process = self._take(digest)
        if process is not None:
            process.hang_up()


waiting = Waiting()


@routes.websocket("/_attach/{secret}")
async def attach(socket: WebSocket) -> None:
    process = waiting.fetch(socket.path_params["secret"])
    if process is None:
        await socket.close(1008)
        return
    await socket.accept(subprotocol=PROTOCOL if PROTOCOL in socket.scope["subprotocols"] else None)
    output = asyncio.create_task(_output(socket, process))
    inputs = asyncio.create_task(_input(socket, process))
    try:
        await asyncio.wait({output, inputs}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        inputs.cancel()
        if not _delivered(output):
            await to_thread.run_sync(process.hang_up, limiter=WRITES)
            output.cancel()
        await asyncio.gather(output, inputs, return_exceptions=True)


def _delivered(output: asyncio.Task[None]) -> bool:
    """Whether the client has got everything, the exit status included."""
    return output.done() and not output.cancelled() and output.exception() is None


async def _output(socket: WebSocket, process: AttachedProcess) -> None:
    async for piece in streams.pumped(_everything(process)):
        if isinstance(piece, bytes):
            await socket.send_bytes(piece)
        else:
            await socket.send_text(json.dumps({"exit": piece}))
    await socket.close()


def _everything(process: AttachedProcess) -> Iterator[bytes | int]:
    """Its output, then its exit status."""
    while data := process.read():
        yield data
    yield process.wait()


async def _input(socket: WebSocket, process: AttachedProcess) -> None:
    """Until the client leaves."""
    while (message := await socket.receive())["type"] != "websocket.disconnect":
        with contextlib.suppress(OSError):  # the process has closed its input: its output still counts
            await to_thread.run_sync(_step(message, process), limiter=WRITES)


def _step(message: Message, process: AttachedProcess) -> Callable[[], None]:
    if message.get("bytes") is not None:
        return partial(process.write, message["bytes"])
    match _json(message["text"]):
        case {"resize": [int(columns), int(rows)]}:
            return partial(process.resize, columns, rows)
        case {"eof": True}:
            return process.close_input
        case _:
            return lambda: None  # a control of a newer client


def _json(text: str) -> Any:
    with contextlib.suppress(json.JSONDecodeError):
        return json.loads(text)
    return None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
