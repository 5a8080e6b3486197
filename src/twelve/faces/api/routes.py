"""How a resource's file says what it answers: a table of routes, and what a handler is given.

A handler is a plain function that may block; it runs in a worker thread. Changes and reads have threads of their own:
changes that wait for an app to boot never keep anybody from reading.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import unquote

from anyio import CapacityLimiter, to_thread
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from twelve.core.errors import UsageError
from twelve.core.model import App
from twelve.faces.api import bodies, paging
from twelve.faces.api.capabilities import Capabilities
from twelve.flow.platform import Platform

BODY_LIMIT = 4 * 1024 * 1024
READS = CapacityLimiter(64)
CHANGES = CapacityLimiter(128)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all requests have in common; `shut_down` is what POST /_twelve/shutdown sets off."""

    platform: Platform
    capabilities: Capabilities
    shut_down: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Call:
    """A request, read: everything a handler may need of it."""

    platform: Platform
    capabilities: Capabilities
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    host: str
    shut_down: Callable[[], None]

    @property
    def user(self) -> str:
        return self.platform.user

    def app(self) -> App:
        """The app that the path names."""
        return self.platform.apps.get(self.path["app"])

    def url(self, path: str, *, scheme: str = "http") -> str:
        """An address of this server as this client reaches it."""
        return f"{scheme}://{self.host}{path}"

    def page(self, items: Sequence[paging.Item], *, default: str = "id") -> JSONResponse:
        found = paging.page(items, self.headers.get("range"), default=default)
        return JSONResponse(found.items, found.status, found.headers)


Handler: TypeAlias = Callable[[Call], Any]
RawHandler: TypeAlias = Callable[[Request], Awaitable[Response]]
Socket: TypeAlias = Callable[[WebSocket], Awaitable[None]]


class Routes:
    """`@routes.get("/apps/{app}")` above a handler that takes a Call and gives a JSON document or a whole response."""

    def __init__(self) -> None:
        self.table: list[BaseRoute] = []

    def get(self, path: str) -> Callable[[Handler], Handler]:
        return self._add("GET", path, 200)

    def post(self, path: str, status: int = 201) -> Callable[[Handler], Handler]:
        return self._add("POST", path, status)

    def patch(self, path: str) -> Callable[[Handler], Handler]:
        return self._add("PATCH", path, 200)

    def delete(self, path: str, status: int = 200) -> Callable[[Handler], Handler]:
        return self._add("DELETE", path, status)

    def raw(self, method: str, path: str) -> Callable[[RawHandler], RawHandler]:
        """For a handler on the event loop that reads or writes a stream itself and never blocks."""

        def added(handler: RawHandler) -> RawHandler:
            self.table.append(Route(path, handler, methods=[method]))
            return handler

        return added

    def websocket(self, path: str) -> Callable[[Socket], Socket]:
        def added(handler: Socket) -> Socket:
            self.table.append(WebSocketRoute(path, handler))
            return handler

        return added

    def _add(self, method: str, path: str, status: int) -> Callable[[Handler], Handler]:
        def added(handler: Handler) -> Handler:
            endpoint = partial(_answer, handler, status)
            self.table.append(Route(path, endpoint, methods=[method], name=handler.__name__))
            return handler

        return added


async def _answer(handler: Handler, status: int, request: Request) -> Response:
    limiter, body = (READS, {}) if request.method == "GET" else (CHANGES, await _body(request.stream()))
    result = await to_thread.run_sync(handler, call_of(request, body), limiter=limiter)
    return result if isinstance(result, Response) else JSONResponse(result, status)


def call_of(connection: HTTPConnection, body: Mapping[str, Any]) -> Call:
    shared: Shared = connection.app
    return Call(
        platform=shared.platform,
        capabilities=shared.capabilities,
        # decoded only here, after routing: a name may hold an encoded slash
        path={key: unquote(value) for key, value in connection.path_params.items()},
        query=connection.query_params,
        headers=connection.headers,
        body=body,
        host=connection.headers.get("host", ""),
        shut_down=shared.shut_down,
    )


async def _body(chunks: AsyncIterator[bytes]) -> dict[str, Any]:
    data = bytearray()
    async for chunk in chunks:
        data += chunk
        if len(data) > BODY_LIMIT:
            raise UsageError(f"The request body is larger than {BODY_LIMIT // 1024 // 1024} MiB.")
    return bodies.parse(bytes(data))
