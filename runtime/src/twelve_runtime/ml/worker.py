"""One process that answers requests: uvicorn on uvloop, with the application alone."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator

try:
    import httptools as _  # noqa: F401 - uvicorn takes it by name
    import uvicorn
    import uvloop
except ImportError as absent:
    lacks = "uvicorn, uvloop and httptools"
    raise ImportError(f"twelve_runtime.ml.worker needs {lacks}: install twelve-runtime[ml]") from absent

from twelve_runtime.ml.asgi import Application
from twelve_runtime.ml.connection import Connection

DRAIN = 25  # seconds for requests in flight after SIGTERM: the platform's grace is 30
TICK = 5.0  # seconds


def work(application: Application, listener: socket.socket, parent: int | None = None) -> None:
    """Returns when SIGTERM or SIGINT came and the last answer is out. `parent`: a pipe that ends with the parent."""
    config = uvicorn.Config(
        application, http=Connection, ws="none", lifespan="off", interface="asgi3", log_config=None, access_log=False,
        server_header=False, proxy_headers=False, date_header=False, timeout_graceful_shutdown=DRAIN,
        timeout_keep_alive=75,
    )  # fmt: skip
    server = uvicorn.Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):  # before uvicorn listens for them, and when it raises them again
        signal.signal(number, server.handle_exit)
    uvloop.run(_serve(server, application, listener, parent))


async def _serve(server: uvicorn.Server, application: Application, listener: socket.socket, parent: int | None) -> None:
    application.service.out.on(asyncio.get_running_loop())
    async with _ticking(application), _watching(server, parent):
        await server.serve(sockets=[listener])
    application.service.close()


@contextlib.asynccontextmanager
async def _ticking(application: Application) -> AsyncIterator[None]:
    async def tick() -> None:
        while True:
            await asyncio.sleep(TICK)
            application.service.tick()

    task = asyncio.create_task(tick())
    yield
    task.cancel()


@contextlib.asynccontextmanager
async def _watching(server: uvicorn.Server, parent: int | None) -> AsyncIterator[None]:
    """A worker without its parent would be nobody's: it ends as if told to."""
    if parent is not None:
        asyncio.get_running_loop().add_reader(parent, server.handle_exit, signal.SIGTERM, None)
    yield
