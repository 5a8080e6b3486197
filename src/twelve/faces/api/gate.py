"""The door of the API: every request passes here before it is routed, and every answer on its way out.

Only loopback names are served (a web page cannot reach us by rebinding its own name), everything but capability URLs
asks for the token, and each answer carries exactly one Request-Id.
"""

from urllib.parse import urlsplit
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twelve.core.errors import Misdirected, TwelveError, Unauthorized
from twelve.faces.api import auth, problems
from twelve.faces.api.routes import Shared

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
CAPABILITIES = ("/_logs/", "/_output/", "/_sources/", "/_attach/")  # paths whose secret is the right to ask
RATE_LIMIT = "4500"  # nobody is limited here; clients expect the number


class Gate:
    def __init__(self, app: ASGIApp, token: str, shared: Shared) -> None:
        self._app = app
        self._token = token
        self._shared = shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        path = scope["raw_path"].decode("latin-1")
        scope = {**scope, "path": path, "app": self._shared}  # path still percent-encoded: decoded after routing
        problem = self._problem(path, Headers(scope=scope))
        if scope["type"] == "http":
            await self._http(scope, receive, Answer(send, secret=path.startswith(CAPABILITIES)), problem)
        elif problem is None:
            await self._app(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, answer: "Answer", problem: TwelveError | None) -> None:
        if problem is not None:
            await problems.answer(problem)(scope, receive, answer.send)
            return
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:
            if answer.begun:
                raise  # too late for a sentence: the connection is cut instead
            await problems.unexpected(error)(scope, receive, answer.send)

    def _problem(self, path: str, headers: Headers) -> TwelveError | None:
        host = headers.get("host", "")
        if _hostname(host) not in LOOPBACK:
            return Misdirected(f'This server does not answer as "{host}".', hint="Use 127.0.0.1 or localhost.")
        if path.startswith(CAPABILITIES) or auth.matches(self._token, headers.get("authorization")):
            return None
        return Unauthorized("Invalid credentials provided.", hint="The token is in TWELVE_HOME/token.")


class Answer:
    """What goes out, with the headers every answer has."""

    def __init__(self, send: Send, *, secret: bool) -> None:
        self.begun = False
        self._send = send
        self._secret = secret

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            headers["Request-Id"] = str(uuid4())
            headers["RateLimit-Remaining"] = RATE_LIMIT
            headers.setdefault("Cache-Control", "no-store")
            if self._secret:
                headers["Referrer-Policy"] = "no-referrer"
        await self._send(message)


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
