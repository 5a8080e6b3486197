"""The ASGI application: routes, bodies within their limit, one problem object for whatever is wrong with a request.

Alone (`twelve-serve`), or mounted: `app.mount("/models", Application(Service()))`.
"""

import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from importlib.metadata import version
from typing import Any

try:
    import numpy as np  # noqa: F401 - before anything of ours, so that what is absent is said in a sentence
    import orjson
except ImportError as absent:
    raise ImportError("twelve_runtime.ml.asgi needs numpy and orjson: install twelve-runtime[ml]") from absent

from twelve_runtime.ml import calls
from twelve_runtime.ml.errors import Gone, Problem, TooLarge, Unknown
from twelve_runtime.ml.model import Answer, Call, Level
from twelve_runtime.ml.protocols import mlflow, oip, plain
from twelve_runtime.ml.protocols.dialect import About, Dialect, Written
from twelve_runtime.ml.service import Service

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Reply = tuple[int, bytes, bytes]  # status, content type, body

JSON, TEXT = b"application/json", b"text/plain; charset=utf-8"
LARGEST = 10 * 1024 * 1024  # bytes of a body
DISCARDED = 10 * LARGEST  # of a body that is too large, read so that the client can read our answer


class Application:
    """Answers by `service`, which is booted. A body has at most `LARGEST` bytes."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._name = service.settings.name
        self._about = About(self._name, service.settings.release)
        self._posts: dict[str, Dialect] = {
            "/predict": plain.DIALECT,
            "/invocations": mlflow.DIALECT,
            f"/v2/models/{self._name}/infer": oip.DIALECT,
        }
        self._gets: dict[str, Callable[[], Reply]] = {
            "/v2": self._server,
            "/v2/health/live": lambda: _json({"live": True}),
            "/v2/health/ready": self._ready,
            "/ping": lambda: (200, TEXT, b"\n"),
            "/health": lambda: (200, TEXT, b"\n"),
            "/version": lambda: (200, TEXT, _version().encode()),
        }

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1003})

    async def _http(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        path, method = scope["path"].removeprefix(scope.get("root_path", "")).rstrip("/"), scope["method"]
        dialect, number = self._posts.get(path), None
        if dialect is None:
            dialect, number = self._inference(path)
        if method == "POST" and (dialect or path not in self._gets):
            await self._post(dialect, number, scope, receive, send)
        elif dialect or method not in {"GET", "HEAD"}:
            allowed = "POST" if dialect else "GET, HEAD"
            reply = _json({"error": f"Only {allowed} is understood here."}, 405)
            await _send(send, reply, [(b"allow", allowed.encode())])
        else:
            await _send(send, self._get(path))

    async def _post(
        self, dialect: Dialect | None, number: str | None, scope: Mapping[str, Any], receive: Receive, send: Send
    ) -> None:
        headers = dict(scope["headers"])
        call = calls.new(headers)
        speaks = dialect or oip.DIALECT
        try:
            body = await _body(headers, receive)
            call.begun = time.perf_counter()
            answer, written = await self._predict(dialect, number, call, headers, body, scope)
        except Problem as problem:
            await self._refuse(speaks, problem, call, send)
        except Exception:  # noqa: BLE001 - a defect of ours costs one request, not the process
            traceback.print_exc(file=sys.stderr)
            await self._refuse(speaks, Problem("The server could not handle the request."), call, send)
        else:
            body, size = written
            labels = self._labels(call, answer.level, answer.fallback)
            if size is None:
                await _send(send, (200, JSON, body), labels)
            else:
                await _send(send, (200, oip.OCTETS, body), [(oip.SIZE, b"%d" % size), *labels])

    async def _predict(
        self, dialect: Dialect | None, number: str | None, call: Call, headers: Mapping[bytes, bytes], body: bytes,
        scope: Mapping[str, Any],
    ) -> tuple[Answer, Written]:  # fmt: skip
        if dialect is None:
            raise Unknown(f"There is no {scope['path'][:200]!r} here; the model is {self._name}.")
        service = self.service
        asked = dialect.read(body, headers, service.signature)
        if number is None and (experiment := service.settings.experiment):  # who names a version is in no experiment
            calls.enroll(call, experiment, headers, scope["query_string"], asked.document)
        answer = await service.answer(call, asked.inputs, number)
        written = dialect.write(asked, call, answer, self._about)
        service.told(call, asked.inputs, answer)
        return answer, written

    async def _refuse(self, dialect: Dialect, problem: Problem, call: Call, send: Send) -> None:
        if not isinstance(problem, Unknown):  # whoever tries addresses fills no log
            self.service.failed(call, problem)
        level = self.service.lineup.chain.levels[0]
        status = dialect.late if getattr(problem, "timed_out", False) else problem.status
        close = [(b"connection", b"close")] if status == TooLarge.status else []
        await _send(send, (status, JSON, dialect.error(problem)), self._labels(call, level, 0) + close)

    def _labels(self, call: Call, level: Level, fallback: int) -> Headers:
        headers = [
            (b"x-twelve-model", f"{self._name}@{level.version}".encode()),
            (b"x-twelve-fallback", b"%d" % fallback),
            (b"x-twelve-prediction-id", call.prediction_id.encode()),
            (b"x-request-id", call.request_id.encode("latin-1", "replace")),
        ]
        release = self._about.release or call.release
        for name, value in (
            (b"x-twelve-model-digest", level.digest),
            (b"x-twelve-release", release),
            (b"x-twelve-variant", call.variant),
        ):
            if value:
                headers.append((name, value.encode("latin-1", "replace")))
        return headers

    def _inference(self, path: str) -> tuple[Dialect | None, str | None]:
        match path.split("/"):
            case ["", "v2", "models", self._name, "versions", number, "infer"]:
                return oip.DIALECT, number
            case _:
                return None, None

    def _get(self, path: str) -> Reply:
        if found := self._gets.get(path):
            return found()
        try:
            return self._model(path.split("/"))
        except Problem as problem:
            return _json({"error": str(problem)}, problem.status)

    def _model(self, parts: list[str]) -> Reply:
        match parts:
            case ["", "v2", "models", self._name, "versions", number, *rest] if rest in ([], ["ready"]):
                level = self._known(number)
            case ["", "v2", "models", self._name, *rest] if rest in ([], ["ready"]):
                level = self.service.lineup.chain.levels[0]
            case ["", "v2", "models", name, *_] if name != self._name:
                raise Unknown(f"There is no model {name[:80]!r} here; the model is {self._name}.")
            case _:
                raise Unknown(f"There is no {'/'.join(parts)[:200]!r} here.")
        if rest:
            return _json({"name": self._name, "ready": level.loaded}, 200 if level.loaded else 503)
        versions = [one.version for one in self.service.lineup.levels.values() if one.loaded]
        return _json(oip.description(self._name, versions, level.model, self.service.signature))

    def _known(self, number: str) -> Level:
        found = self.service.lineup.levels.get(number)
        if found is None:
            raise Unknown(f"Version {number[:80]!r} of {self._name} is not loaded here.")
        return found

    def _server(self) -> Reply:
        return _json({"name": "twelve", "version": _version(), "extensions": ["binary_tensor_data"]})

    def _ready(self) -> Reply:
        return _json({"live": True, "ready": True, "degraded": self.service.lineup.degraded})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.service.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    declared = headers.get(b"content-length", b"")
    size = int(declared) if declared.isdigit() and len(declared) < 20 else 0
    if size > LARGEST and (size > DISCARDED or b"expect" in headers):
        raise _too_large()
    message = await receive()
    body: bytes = message.get("body", b"")
    if not body and message["type"] == "http.disconnect":
        raise Gone("The client went away.")
    if not message.get("more_body") and len(body) <= LARGEST:
        return body
    return await _rest(message, body, receive)


async def _rest(message: Message, body: bytes, receive: Receive) -> bytes:
    pieces, total = [body], len(body)
    while message.get("more_body") and total <= DISCARDED:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone("The client went away.")
        total += len(message.get("body", b""))
        if total <= LARGEST:
            pieces.append(message["body"])
        else:
            pieces.clear()
    if total > LARGEST:
        raise _too_large()
    return b"".join(pieces)


def _too_large() -> TooLarge:
    return TooLarge(f"The body is larger than {LARGEST // 1024 // 1024} MB.")


async def _send(send: Send, reply: Reply, labels: Headers | None = None) -> None:
    status, kind, body = reply
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *(labels or ())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _json(document: Any, status: int = 200) -> Reply:
    return status, JSON, orjson.dumps(document)


def _version() -> str:
    return version("twelve-runtime")
