"""`Idempotency-Key` in front of an ASGI app: FastAPI, Starlette, Django's asgi application."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from twelve_runtime.idempotency.errors import IdempotencyError
from twelve_runtime.idempotency.http import Guard, Request, Response, Unkept, problem, replay, too_large
from twelve_runtime.idempotency.leases import Leases

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class IdempotencyMiddleware:
    """`app.add_middleware(IdempotencyMiddleware, leases=..., caller=by_authorization)`.

    Answers are collected and kept before they are sent: whoever saw one will see the same again.
    """

    def __init__(self, app: App, leases: Leases, caller: Callable[[Mapping[str, str]], str], **settings: Any) -> None:
        self._app = app
        self._guard = Guard(leases, caller, **settings)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
            key = self._guard.key(scope["method"], scope["path"], headers)
            if key is None:
                await self._app(scope, receive, send)
                return
            response = await self._answer(scope, receive, key, headers)
        except Unkept as unkept:
            response = unkept.response
        except IdempotencyError as error:
            response = problem(error)
        if response is not None:
            await _give(response, send)

    async def _answer(
        self, scope: MutableMapping[str, Any], receive: Receive, key: str, headers: Mapping[str, str]
    ) -> Response | None:
        body = await _body(receive, self._guard.largest)
        if body is None:
            return None
        if len(body) > self._guard.largest:
            return too_large(self._guard.largest)
        request = Request(scope["method"], _target(scope), headers, body)
        async with self._guard.leases.once_async(key, fingerprint=self._guard.fingerprint(request)) as effect:
            if not effect.first:
                return replay(effect.answer)
            response = await self._ask(scope, receive, body)
            effect.answer = self._guard.keep(response)
        return response

    async def _ask(self, scope: MutableMapping[str, Any], receive: Receive, body: bytes) -> Response:
        first = [{"type": "http.request", "body": body, "more_body": False}]
        started: Message = {}
        chunks: list[bytes] = []

        async def again() -> Message:
            return first.pop() if first else await receive()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            elif message["type"] == "http.response.body":
                chunks.append(bytes(message.get("body", b"")))

        await self._app(scope, again, collect)
        headers = [(bytes(n).decode("latin-1"), bytes(v).decode("latin-1")) for n, v in started.get("headers", [])]
        return Response(started["status"], headers, b"".join(chunks))


async def _body(receive: Receive, largest: int) -> bytes | None:
    """Up to just above the limit; None when the client has gone before all was there."""
    whole = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        whole += message.get("body", b"")
        if not message.get("more_body", False) or len(whole) > largest:
            return bytes(whole)


def _target(scope: MutableMapping[str, Any]) -> str:
    path = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string", b"")
    return bytes(path + (b"?" + query if query else b"")).decode("latin-1")


async def _give(response: Response, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
