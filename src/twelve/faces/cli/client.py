"""How the command line talks to the server: plain HTTP on loopback, errors turned back into what they were."""

import http.client
import json
import sys
from collections.abc import Iterator, Mapping
from typing import IO, Any
from urllib.parse import quote, urlsplit

from twelve.core.errors import PlatformError, ServerUnreachable, TwelveError, Unauthorized, all_errors
from twelve.infra.settings import Settings

ACCEPT = "application/vnd.heroku+json; version=3"
NOT_RUNNING = "twelve is not running here."
HOW_TO_START = "Start it with `twelve up` or `twelve server`."
OTHER_PORT = "Set TWELVE_API_PORT to a port that is free."
CHUNK = 65536


class Client:
    """One request a connection: the server is on this machine, and a command makes few requests."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.address = f"127.0.0.1:{settings.api_port}"

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
            with self._open("GET", path, headers={"Range": wanted} if wanted else {}) as answer:
                found += _decoded(answer)
                wanted = answer.headers.get("Next-Range") if answer.status == http.client.PARTIAL_CONTENT else None
        return found

    def page(self, path: str, wanted: str) -> Any:
        """One page of a list, as a Range header asks for it."""
        with self._open("GET", path, headers={"Range": wanted}) as answer:
            return _decoded(answer)

    def upload(self, url: str, file: IO[bytes], size: int) -> None:
        with self._open("PUT", local_path(url), file, {"Content-Length": str(size)}) as answer:
            answer.read()

    def stream(self, url: str, **headers: str) -> Iterator[bytes]:
        """What a URL that the server handed out sends, as it arrives."""
        with self._open("GET", local_path(url), headers=headers) as answer:
            while chunk := answer.read1(CHUNK):
                yield chunk

    def lines(self, url: str, **headers: str) -> Iterator[str]:
        with self._open("GET", local_path(url), headers=headers) as answer:
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
        with self._open(method, path, data, {"Content-Type": "application/json"} if data else {}) as answer:
            return _decoded(answer)

    def _open(
        self, method: str, path: str, body: bytes | IO[bytes] | None = None, headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        own = {"Accept": ACCEPT, "Connection": "close", "Authorization": f"Bearer {self.token()}"}
        connection = http.client.HTTPConnection(self.address)
        try:
            connection.request(method, path, body, {**own, **(headers or {})})
            answer = connection.getresponse()
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            raise unreachable(error, self.address) from error
        if answer.status >= http.client.BAD_REQUEST:
            with answer:
                raise failure(answer.status, answer.read(), self.address)
        if warning := answer.headers.get("x-heroku-warning"):
            print(f" !     {warning}", file=sys.stderr)  # noqa: T201 - no other module needs to know
        return answer


def unreachable(error: Exception, address: str) -> TwelveError:
    if isinstance(error, ConnectionRefusedError):
        return ServerUnreachable(NOT_RUNNING, hint=HOW_TO_START)
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError | BrokenPipeError):
        return ServerUnreachable(
            "The server ended in the middle of this request.", hint="`twelve status` tells what runs."
        )
    return PlatformError(f"{address} does not answer as twelve does: {error}.", hint=OTHER_PORT)


def failure(status: int, body: bytes, address: str) -> TwelveError:
    """The error an answer stands for, with the exit code and the log lines it had on the server."""
    if status == http.client.UNAUTHORIZED:
        return Unauthorized(
            f"{address} is a twelve that does not know our token.",
            hint="Set TWELVE_HOME or TWELVE_API_PORT to the one you mean.",
        )
    try:
        fields = json.loads(body)
        message = str(fields["message"])
    except (ValueError, KeyError, TypeError):
        return PlatformError(f"{address} answered {status}, and not as twelve does.", hint=OTHER_PORT)
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
