"""`Idempotency-Key` in front of a WSGI app: Flask, Django."""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twelve_runtime.idempotency.errors import IdempotencyError
from twelve_runtime.idempotency.http import Guard, Request, Response, Unkept, cut_off, problem, replay, too_large
from twelve_runtime.idempotency.leases import Leases

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class IdempotencyMiddleware:
    """`app.wsgi_app = IdempotencyMiddleware(app.wsgi_app, leases, by_authorization)`."""

    def __init__(self, app: App, leases: Leases, caller: Callable[[Mapping[str, str]], str], **settings: Any) -> None:
        self._app = app
        self._guard = Guard(leases, caller, **settings)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            headers = _headers(environ)
            key = self._guard.key(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""), headers)
            if key is None:
                return self._app(environ, start_response)
            response = self._answer(environ, key, headers)
        except Unkept as unkept:
            response = unkept.response
        except IdempotencyError as error:
            response = problem(error)
        start_response(response.line, response.headers)
        return [response.body]

    def _answer(self, environ: dict[str, Any], key: str, headers: Mapping[str, str]) -> Response:
        body = _body(environ, self._guard.largest)
        if len(body) > self._guard.largest:
            return too_large(self._guard.largest)
        if len(body) < int(environ.get("CONTENT_LENGTH") or 0):
            return cut_off()
        request = Request(environ["REQUEST_METHOD"], _target(environ), headers, body)
        with self._guard.leases.once(key, fingerprint=self._guard.fingerprint(request)) as effect:
            if not effect.first:
                return replay(effect.answer)
            response = self._ask({**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
            effect.answer = self._guard.keep(response)
        return response

    def _ask(self, environ: dict[str, Any]) -> Response:
        started: list[Any] = []
        written: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]], _failed: object = None) -> Callable[..., Any]:
            started[:] = [int(status.split(maxsplit=1)[0]), list(headers)]
            return written.append

        answer = self._app(environ, start_response)
        try:
            written.extend(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        return Response(started[0], started[1], b"".join(written))


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    found = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    return found | {"content-type": environ.get("CONTENT_TYPE", "")}


def _body(environ: Mapping[str, Any], largest: int) -> bytes:
    """Up to just above the limit."""
    length = environ.get("CONTENT_LENGTH") or ("" if environ.get("wsgi.input_terminated") else "0")
    wanted = min(int(length), largest + 1) if length.isdecimal() else largest + 1
    found: bytes = environ["wsgi.input"].read(wanted)
    return found


def _target(environ: Mapping[str, Any]) -> str:
    query = environ.get("QUERY_STRING", "")
    return str(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "") + (f"?{query}" if query else ""))
