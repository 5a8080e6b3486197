"""Around an app: each request has an id, the caller's or a new one, and one line with what became of it."""

import re
import time
import uuid
from collections.abc import Iterable, MutableMapping
from typing import Any

from structlog.contextvars import bind_contextvars, clear_contextvars, reset_contextvars

from twelve_runtime._serving import ASGIApp, Closing, Message, Receive, Send, WSGIApp

HEADER = "X-Request-Id"
# What a caller sends is repeated in lines and answers, so only harmless characters count.
ACCEPTED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/=@-]{0,127}")


def accepted(sent: str) -> str:
    return sent if ACCEPTED.fullmatch(sent) else str(uuid.uuid4())


class Request:
    """One line at its end, without the query, in which people put secrets."""

    def __init__(self, log: Any, quiet: frozenset[str], method: str, path: str) -> None:
        self._log = log
        self._silent = path in quiet or path.startswith(tuple(known for known in quiet if known.endswith("/")))
        self._what = {"method": method, "path": path}
        self._began = time.perf_counter()

    def ended(self, status: int, error: BaseException | None = None) -> None:
        if self._silent and status < 500:
            return
        milliseconds = round((time.perf_counter() - self._began) * 1000, 1)
        failed = {"error": type(error).__name__} if error else {}
        tell = self._log.error if status >= 500 else self._log.info
        tell("request", **self._what, status=status, ms=milliseconds, **failed)


class AsgiEvents:
    def __init__(self, app: ASGIApp, log: Any, quiet: frozenset[str]) -> None:
        self._app = app
        self._log = log
        self._quiet = quiet

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = accepted(_header(scope, HEADER.lower().encode()))
        bound = bind_contextvars(request_id=request_id)
        request = Request(self._log, self._quiet, scope.get("method", "WEBSOCKET"), scope["path"])
        answer = _Answer(send, request_id)
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:
            # The id stays bound, in this task only: the server tells the stack when it gets the error.
            request.ended(500, error)
            raise
        request.ended(answer.status)
        reset_contextvars(**bound)


class _Answer:
    """Its status; a websocket that was accepted counts as 101."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._id = (HEADER.lower().encode(), request_id.encode())
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] in {"http.response.start", "websocket.accept"}:
            self.status = message.get("status", 101)
            sent = list(message.get("headers", ()))
            if not any(bytes(name).lower() == self._id[0] for name, _ in sent):
                message = {**message, "headers": [*sent, self._id]}
        await self._send(message)


def _header(scope: MutableMapping[str, Any], wanted: bytes) -> str:
    return next((bytes(value).decode("latin-1") for name, value in scope["headers"] if name.lower() == wanted), "")


class WsgiEvents:
    def __init__(self, app: WSGIApp, log: Any, quiet: frozenset[str]) -> None:
        self._app = app
        self._log = log
        self._quiet = quiet

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        clear_contextvars()  # the thread served somebody else before
        request_id = accepted(environ.get("HTTP_X_REQUEST_ID", ""))
        bind_contextvars(request_id=request_id)
        environ["HTTP_X_REQUEST_ID"] = request_id
        request = Request(self._log, self._quiet, environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
        answered = [0]

        def begin(status: str, headers: list[tuple[str, str]], *info: Any) -> Any:
            answered[0] = int(status.partition(" ")[0])
            if not any(name.lower() == HEADER.lower() for name, _ in headers):
                headers = [*headers, (HEADER, request_id)]
            return start_response(status, headers, *info)

        try:
            body = self._app(environ, begin)
        except Exception as error:
            request.ended(500, error)
            raise
        return Closing(body, lambda: self._ended(request, answered[0]))

    @staticmethod
    def _ended(request: Request, status: int) -> None:
        request.ended(status)
        clear_contextvars()
