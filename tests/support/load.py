"""An open-loop load generator: requests leave on schedule whether or not earlier ones were answered, failures are kept.

with Load(port, "notes.localhost", rate=100) as load:
    ...do something to the app...
assert load.failures == []
"""

import asyncio
import threading
import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Failure:
    """`at` seconds after the start of the load."""

    at: float
    what: str


@dataclass
class Outcome:
    sent: int = 0
    failures: list[Failure] = field(default_factory=list)
    bodies: Counter = field(default_factory=Counter)
    slowest: float = 0.0


class Load:
    """`rate` requests a second: new connections, or `keep_alive` of them used again and again.

    `stop` (or leaving the block) waits for every answer. Results are in `outcome`, `sent`, `failures`.
    A kept connection that the server closed while it was idle is opened again, as every client does; one that
    breaks once a request is on it is a failure.
    """

    def __init__(self, port, host, *, rate=100.0, path="/", keep_alive=0, timeout=30.0, address="127.0.0.1"):
        self.outcome = Outcome()
        self._port, self._host, self._path, self._address = port, host, path, address
        self._rate, self._keep_alive, self._timeout = rate, keep_alive, timeout
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)

    @property
    def sent(self):
        return self.outcome.sent

    @property
    def failures(self):
        return self.outcome.failures

    def start(self):
        self._begun = time.monotonic()
        self._thread.start()
        return self

    def stop(self):
        self._stop.set()
        self._thread.join(self._timeout + 10)
        assert not self._thread.is_alive(), "the load did not end"
        return self.outcome

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    async def _run(self):
        idle = asyncio.Queue()
        for _ in range(self._keep_alive):
            idle.put_nowait(None)
        tasks, number = set(), 0
        while not self._stop.is_set():
            task = asyncio.create_task(self._one(idle))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
            await asyncio.sleep(max(0, self._begun + number / self._rate - time.monotonic()))
        if tasks:
            await asyncio.wait(tasks)
        while not idle.empty():
            if connection := idle.get_nowait():
                connection[1].close()

    async def _one(self, idle):
        begun = time.monotonic()
        self.outcome.sent += 1
        try:
            status, body = await asyncio.wait_for(self._request(idle), self._timeout)
            if status >= 400:
                self._fail(begun, f"status {status}")
            self.outcome.bodies[body] += 1
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            self._fail(begun, repr(error))
        self.outcome.slowest = max(self.outcome.slowest, time.monotonic() - begun)

    def _fail(self, begun, what):
        self.outcome.failures.append(Failure(round(begun - self._begun, 3), what))

    async def _request(self, idle):
        kept = await idle.get() if self._keep_alive else None
        try:
            if kept is None or kept[0].at_eof():
                kept = await asyncio.open_connection(self._address, self._port)
            reader, writer = kept
            closing = "" if self._keep_alive else "Connection: close\r\n"
            writer.write(f"GET {self._path} HTTP/1.1\r\nHost: {self._host}\r\n{closing}\r\n".encode())
            status, body, close = await _response(reader)
        except BaseException:
            if kept:
                kept[1].close()
            kept = None
            raise
        else:
            if close or not self._keep_alive:
                writer.close()
                kept = None
            return status, body
        finally:
            if self._keep_alive:
                idle.put_nowait(kept)


async def _response(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        body = await _chunks(reader)
    else:
        body = await reader.read()
    close = headers.get("connection", "").lower() == "close" or "content-length" not in headers
    return int(head[0].split()[1]), body.decode(errors="replace"), close


async def _chunks(reader):
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body
