"""The API's HTTP server: loopback only, no log of its requests, and an end that lets answers finish."""

import contextlib
import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from twelve.core.errors import PlatformError, PortTaken
from twelve.faces.api.app import create_app
from twelve.flow.platform import Platform
from twelve.infra.settings import Settings

ADDRESS = "127.0.0.1"
GRACE = 10  # seconds that open answers may take after the end was asked for
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Server:
    """`bind` takes the port before anything slow is done; `serve` answers until it is told to end."""

    def __init__(self, opened: socket.socket) -> None:
        self._opened = opened

    @classmethod
    def bind(cls, settings: Settings) -> "Server":
        try:
            return cls(socket.create_server((ADDRESS, settings.api_port)))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(
                    f"Port {settings.api_port}, which the API listens on, is taken by another program.",
                    hint="Set TWELVE_API_PORT to a free one.",
                ) from None
            raise PlatformError(f"The API cannot listen on {ADDRESS}:{settings.api_port}: {error.strerror}.") from error

    @property
    def port(self) -> int:
        port: int = self._opened.getsockname()[1]
        return port

    def serve(
        self,
        platform: Platform,
        *,
        on_listening: Callable[[], None] = lambda: None,
        leaving: Callable[[], None] = lambda: None,
    ) -> int:
        """The signal that ended it; a shutdown through the API counts as SIGTERM. `leaving`: first thing on SIGHUP."""
        serving = _Serving(on_listening, leaving, ending=platform.logs.close)
        serving.prepare(create_app(platform, serving.end))
        serving.run(sockets=[self._opened])
        return serving.received

    def close(self) -> None:
        self._opened.close()


class _Serving(uvicorn.Server):
    def __init__(
        self, on_listening: Callable[[], None], leaving: Callable[[], None], ending: Callable[[], None]
    ) -> None:
        self.received: int = signal.SIGTERM
        self._on_listening = on_listening
        self._leaving = leaving
        self._ending = ending

    def prepare(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
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

    def end(self) -> None:
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.received == signal.SIGHUP:
            self._leaving()
        self._ending()  # whoever follows logs would keep us from ending
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

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.received = sig
        super().handle_exit(sig, frame)
