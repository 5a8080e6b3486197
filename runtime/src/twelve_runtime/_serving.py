"""The lifecycle of servers: requests count as work in hand, and the server's shutdown closes the resources."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
WSGIApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Owner(Protocol):
    stopping: bool

    def busy(self) -> AbstractContextManager[None]: ...
    def stop(self) -> None: ...
    async def aclose(self) -> None: ...


class AsgiLifecycle:
    def __init__(self, lifecycle: Owner, app: ASGIApp) -> None:
        self._lifecycle = lifecycle
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _Lifespan(self._lifecycle, receive, send).run(self._app, scope)
            return
        with self._lifecycle.busy():
            await self._app(scope, receive, self._closing(scope, send))

    def _closing(self, scope: MutableMapping[str, Any], send: Send) -> Send:
        """While the process stops, HTTP/1.1 clients are told to open their next connection elsewhere."""
        if scope["type"] != "http" or scope.get("http_version") != "1.1":
            return send

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and self._lifecycle.stopping:
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        return told


class _Lifespan:
    """Passes the server's messages on to the app, and closes before the end is confirmed.

    An app that knows no lifespan (Django's raises, others return) has it kept for it.
    """

    def __init__(self, lifecycle: Owner, receive: Receive, send: Send) -> None:
        self._lifecycle = lifecycle
        self._server_says = receive
        self._tell_server = send
        self._begun = False
        self._answered = False

    async def run(self, app: ASGIApp, scope: MutableMapping[str, Any]) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception:
            if self._answered:
                raise
        if not self._answered:
            await self._keep()

    async def _receive(self) -> Message:
        message = await self._server_says()
        self._begun = True
        if message["type"] == "lifespan.shutdown":
            self._lifecycle.stop()
        return message

    async def _send(self, message: Message) -> None:
        self._answered = True
        if message["type"] in {"lifespan.shutdown.complete", "lifespan.shutdown.failed"}:
            await self._lifecycle.aclose()
        await self._tell_server(message)

    async def _keep(self) -> None:
        if not self._begun:
            await self._receive()
        await self._send({"type": "lifespan.startup.complete"})
        await self._receive()
        await self._send({"type": "lifespan.shutdown.complete"})


class WsgiLifecycle:
    def __init__(self, lifecycle: Owner, app: WSGIApp) -> None:
        self._lifecycle = lifecycle
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        busy = self._lifecycle.busy()
        busy.__enter__()
        try:
            return Closing(self._app(environ, start_response), lambda: busy.__exit__(None, None, None))
        except BaseException:
            busy.__exit__(None, None, None)
            raise


class Closing:
    """A response's body whose end is told; servers close it also when the client has gone."""

    def __init__(self, body: Iterable[bytes], done: Callable[[], object]) -> None:
        self._body = body
        self._done: Callable[[], object] | None = done

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            done, self._done = self._done, None
            if done:
                done()
