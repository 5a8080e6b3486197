"""The same service inside a WSGI app, or without HTTP at all."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

try:
    import numpy as np  # noqa: F401 - before anything of ours, so that what is absent is said in a sentence
    import orjson  # noqa: F401 - the same
except ImportError as absent:
    raise ImportError("twelve_runtime.ml.mount needs numpy and orjson: install twelve-runtime[ml]") from absent

from twelve_runtime.ml import calls
from twelve_runtime.ml.asgi import LARGEST, Application, Message
from twelve_runtime.ml.errors import Problem
from twelve_runtime.ml.protocols import plain
from twelve_runtime.ml.protocols.dialect import About
from twelve_runtime.ml.service import Service
from twelve_runtime.ml.tensors import as_json

REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large",
           415: "Unsupported Media Type", 500: "Internal Server Error", 503: "Service Unavailable",
           504: "Gateway Timeout"}  # fmt: skip


def predict(service: Service, document: dict[str, Any], **headers: str) -> dict[str, Any]:
    """As `POST /predict`: one record, or {"records": [...]}. A Problem when there is no prediction.

    `headers`: of the request this belongs to, as `x_request_id="..."`.
    """
    wire = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    call = calls.new(wire)
    try:
        asked = plain.asked(document, service.signature)
        if experiment := service.settings.experiment:
            calls.enroll(call, experiment, wire, b"", document)
        answer = service.answer_now(call, asked.inputs)
    except Problem as problem:
        service.failed(call, problem)
        raise
    service.told(call, asked.inputs, answer)
    found: dict[str, Any] = as_json(
        plain.document(asked, call, answer, About(service.settings.name, service.settings.release))
    )
    return found


class Wsgi:
    """For Flask and Django: `DispatcherMiddleware(app.wsgi_app, {"/models": Wsgi(service)})`."""

    def __init__(self, service: Service) -> None:
        self._application = Application(service)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._start_afresh()
        os.register_at_fork(after_in_child=self._start_afresh)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        scope, body, sent = _scope(environ), _body(environ), list[Message]()

        async def receive() -> Message:
            return {"type": "http.request", "body": body}

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run_coroutine_threadsafe(self._application(scope, receive, send), self._running()).result()
        status = sent[0]["status"]
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in sent[0]["headers"]]
        start_response(f"{status} {REASONS.get(status, '')}", [pair for pair in headers if pair[0] != "connection"])
        return [message["body"] for message in sent[1:]]

    def _running(self) -> asyncio.AbstractEventLoop:
        """One loop a process, in a thread that begins with the first request: a server may fork before."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="predictions", daemon=True).start()
            return self._loop

    def _start_afresh(self) -> None:
        self._lock = threading.Lock()
        self._loop = None


def _scope(environ: WSGIEnvironment) -> dict[str, Any]:
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-").lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_") or (name in {"CONTENT_TYPE", "CONTENT_LENGTH"} and value)
    ]
    return {
        "type": "http",
        "method": environ["REQUEST_METHOD"],
        "path": environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace"),
        "root_path": "",
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "headers": headers,
    }


def _body(environ: WSGIEnvironment) -> bytes:
    """At most a byte more than is taken: what is too large is then refused as everywhere. A body in chunks has no
    length, and an end only where the server says so.
    """
    length = environ.get("CONTENT_LENGTH") or ""
    read: Callable[[int], bytes] = environ["wsgi.input"].read
    if length.isdigit():
        return read(min(int(length), LARGEST + 1))
    return read(LARGEST + 1) if environ.get("wsgi.input_terminated") else b""
