"""HTTP/1.1 and WebSocket frames on asyncio streams: as little as the exchanges need, with every byte looked at."""

import asyncio
import contextlib
import os
from dataclasses import dataclass

TEXT, CLOSE = 0x1, 0x8


@dataclass(frozen=True)
class Target:
    address: str
    port: int
    host: str


async def connect(target):
    return await asyncio.open_connection(target.address, target.port)


@contextlib.asynccontextmanager
async def connected(target):
    reader, writer = await connect(target)
    try:
        yield reader, writer
    finally:
        writer.close()


def request(target, method, path, headers=""):
    return f"{method} {path} HTTP/1.1\r\nHost: {target.host}\r\n{headers}\r\n".encode()


async def response(reader):
    """Status, body, and whether the connection is used up."""
    status, headers = await _head(reader)
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        body = await _chunks(reader)
    else:
        body = await reader.read()
    close = headers.get("connection", "").lower() == "close" or "content-length" not in headers
    return status, body.decode(errors="replace"), close


async def _head(reader):
    first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    pairs = (line.partition(":") for line in rest if line)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def _chunks(reader):
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


async def upgrade(reader, writer, target, path):
    """The handshake of a WebSocket; gives the status."""
    headers = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    writer.write(request(target, "GET", path, headers))
    return (await _head(reader))[0]


def frame(kind, payload=b""):
    """From a client, so masked; at most 125 bytes."""
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return bytes([0x80 | kind, 0x80 | len(payload)]) + mask + masked


async def read_frame(reader):
    """From a server: kind and payload of at most 125 bytes."""
    kind, length = await reader.readexactly(2)
    return kind & 0x0F, await reader.readexactly(length & 0x7F)
