"""The API's HTTP server: loopback only, one line in no log, and an end that lets answers finish."""

import contextlib
import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from enum import StrEnum

import uvicorn

from twelve.core.errors import PlatformError, PortTaken
from twelve.faces.api.app import create_app
from twelve.flow.platform import Platform
from twelve.infra.settings import Settings

ADDRESS = "127.0.0.1"
GRACE = 10  # seconds that open answers may take after the end was asked for
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Ended(StrEnum):
    """Why the server ended: somebody asked for it through the API, or a signal came."""

    SHUTDOWN = "shutdown"
    SIGNAL = "signal"


def serve(platform: Platform, settings: Settings, *, listening: Callable[[], None] = lambda: None) -> Ended:
    """Answers until it is told to end. `listening` is called once connections are accepted."""
    with listen(settings) as opened:
        server = Server(platform, listening)
        server.run(sockets=[opened])
    return server.ended


def listen(settings: Settings) -> socket.socket:
    try:
        return socket.create_server((ADDRESS, settings.api_port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"Port {settings.api_port}, which the API listens on, is taken by another program.",
                hint="Set TWELVE_API_PORT to a free one.",
            ) from None
        raise PlatformError(f"The API cannot listen on {ADDRESS}:{settings.api_port}: {error.strerror}.") from error


class Server(uvicorn.Server):
    def __init__(self, platform: Platform, listening: Callable[[], None]) -> None:
        self.ended = Ended.SIGNAL
        self._platform = platform
        self._listening = listening
        super().__init__(
            uvicorn.Config(
                create_app(platform, self.shut_down),
                loop="asyncio",
                http="h11",
                ws="websockets-sansio",
                lifespan="off",
                log_config=None,
                access_log=False,  # its lines would hold capability URLs
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE,
            )
        )

    def shut_down(self) -> None:
        self.ended = Ended.SHUTDOWN
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._platform.logs.close()  # whoever follows logs would keep us from ending
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal ends the serving, not the process: what comes after it is its starter's work."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
