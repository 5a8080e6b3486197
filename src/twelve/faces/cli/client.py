"""How the command line talks to the server: plain HTTP on loopback, errors turned back into what they were."""

import contextlib
import http.client
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

from twelve.core.errors import PortTaken, ServerUnreachable, TwelveError, Unauthorized, all_errors
from twelve.infra.settings import Settings

ACCEPT = "application/vnd.heroku+json; version=3"
NOT_RUNNING = "twelve is not running here."
HOW_TO_START = "Start it with `twelve up` or `twelve server`."
PATIENCE = 60.0  # seconds for an answer that needs no work; changes take as long as they take
CHUNK = 65536


class Client:
    """One request a connection: the server is on this machine, and a command makes few requests."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @classmethod
    def here(cls) -> "Client":
        return cls(Settings.from_environment())

    def get(self, path: str) -> Any:
        return self._call("GET", path)

    def post(self, path: str, body: object = None) -> Any:
        return self._call("POST", path, body)

    def patch(self, path: str, body: object) -> Any:
        return self._call("PATCH", path, body)

    def delete(self, path: str, body: object = None) -> Any:
        return self._call("DELETE", path, body)

    def list(self, path: str, *, order: str = "") -> Any:
        """All pages of a list. `order` is a Range header such as "version ..; order=desc"."""
        found: list[Any] = []
        wanted: str | None = order
        while wanted is not None:
            with self._open("GET", path, headers={"Range": wanted} if wanted else {}, timeout=PATIENCE) as answer:
                found += _decoded(answer)
                wanted = answer.headers.get("Next-Range") if answer.status == http.client.PARTIAL_CONTENT else None
        return found

    def page(self, path: str, wanted: str) -> Any:
        """One page of a list, as a Range header asks for it."""
        with self._open("GET", path, headers={"Range": wanted}, timeout=PATIENCE) as answer:
            return _decoded(answer)

    def upload(self, url: str, file: BinaryIO, size: int) -> None:
        with self._open("PUT", local_path(url), file, {"Content-Length": str(size)}) as answer:
            answer.read()

    def stream(self, url: str, **headers: str) -> Iterator[bytes]:
        """What a URL that the server handed out sends, as it arrives."""
        with self._open("GET", local_path(url), headers=headers) as answer, self._reachable():
            while chunk := answer.read1(CHUNK):
                yield chunk

    def lines(self, url: str, **headers: str) -> Iterator[str]:
        with self._open("GET", local_path(url), headers=headers) as answer, self._reachable():
            for line in answer:
                yield line.decode(errors="replace").rstrip("\r\n")

    def is_running(self) -> bool:
        try:
            self.get("/_twelve/status")
        except ServerUnreachable:
            return False
        return True

    def token(self) -> str:
        try:
            return self.settings.token_file.read_text().strip()
        except FileNotFoundError:
            raise ServerUnreachable(NOT_RUNNING, hint=HOW_TO_START) from None
        except OSError as error:
            raise Unauthorized(f"{self.settings.token_file} cannot be read: {error.strerror}.") from error

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        with self._open(method, path, data, headers, timeout=PATIENCE if method == "GET" else None) as answer:
            return _decoded(answer)

    def _open(
        self,
        method: str,
        path: str,
        body: bytes | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float | None = None,
    ) -> http.client.HTTPResponse:
        own = {"Accept": ACCEPT, "Connection": "close", "Authorization": f"Bearer {self.token()}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.settings.api_port, timeout=timeout)
        try:
            with self._reachable():
                connection.request(method, path, body, {**own, **(headers or {})})
                answer = connection.getresponse()
        except TwelveError:
            connection.close()
            raise
        if answer.status >= http.client.BAD_REQUEST:
            with answer:
                raise failure(answer.status, answer.read(), self.settings.api_port)
        if warning := answer.headers.get("x-heroku-warning"):
            print(f" !     {warning}", file=sys.stderr)  # noqa: T201 - no other module needs to know
        return answer

    @contextlib.contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except (http.client.HTTPException, OSError) as error:
            raise unreachable(error, self.settings.api_port) from error


def unreachable(error: Exception, port: int) -> TwelveError:
    match error:
        case ConnectionRefusedError():
            return ServerUnreachable(NOT_RUNNING, hint=HOW_TO_START)
        case (
            http.client.RemoteDisconnected() | http.client.IncompleteRead() | ConnectionResetError() | BrokenPipeError()
        ):
            return ServerUnreachable(
                "The server ended in the middle of this request.", hint="`twelve up` starts it again."
            )
        case TimeoutError():
            return ServerUnreachable(
                f"Port {port} accepts a request and does not answer it.", hint="`twelve doctor` helps."
            )
        case _:
            return foreign(port)


def foreign(port: int) -> PortTaken:
    return PortTaken(f"Port {port} belongs to a program other than twelve.", hint="Set TWELVE_API_PORT to a free one.")


def failure(status: int, body: bytes, port: int) -> TwelveError:
    """The error an answer stands for, with the exit code and the log lines it had on the server."""
    if status == http.client.UNAUTHORIZED:
        return Unauthorized(
            f"Port {port} belongs to a twelve that does not know our token.",
            hint="Set TWELVE_HOME or TWELVE_API_PORT to the one you mean.",
        )
    try:
        fields = json.loads(body)
        message = str(fields["message"])
    except (ValueError, KeyError, TypeError):
        return foreign(port)
    return restored(message, fields)


def restored(message: str, fields: Mapping[str, Any]) -> TwelveError:
    kind = all_errors().get(str(fields.get("id")), TwelveError)
    log = tuple(str(line) for line in fields.get("log") or ())
    error = kind(message, hint=str(fields.get("hint") or ""), log=log, resource=str(fields.get("resource") or ""))
    if isinstance(fields.get("exit_code"), int):
        error.exit_code = fields["exit_code"]
    return error


def local_path(url: str) -> str:
    """Path and query of a URL of ours: it is always fetched from this machine, whatever host it names."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def segment(text: object) -> str:
    """One path segment, whatever the text."""
    return quote(str(text), safe="")


def _decoded(answer: http.client.HTTPResponse) -> Any:
    data = answer.read()
    return json.loads(data) if data else None
