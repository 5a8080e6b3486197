"""Under Starlette and FastAPI: `app.add_middleware(SessionMiddleware, sessions=sessions)`, then `request.session`."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Literal

from twelve_runtime.sessions.session import Session
from twelve_runtime.sessions.sessions import Cookie, Sessions

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class SessionMiddleware:
    """The store is asked in a thread, and only when there is something to ask. `secure` is by itself what the request
    came by: "https", also as the front door says it.
    """

    def __init__(
        self,
        app: App,
        sessions: Sessions,
        *,
        cookie: str = "session",
        path: str = "/",
        domain: str | None = None,
        same_site: Literal["lax", "strict", "none"] = "lax",
        secure: bool | None = None,
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._cookie = cookie
        self._path = path
        self._secure = secure
        self._rest = f"; HttpOnly; SameSite={same_site}" + (f"; Domain={domain}" if domain else "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        session_id = _cookie(scope, self._cookie)
        session = await asyncio.to_thread(self._sessions.load, session_id) if session_id else Session()
        scope["session"] = session

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *await self._headers(scope, session)]
            await send(message)

        await self._app(scope, receive, answer)

    async def _headers(self, scope: Scope, session: Session) -> list[tuple[bytes, bytes]]:
        if not session and session.id is None and not session.accessed:
            return []
        action: Cookie = await asyncio.to_thread(self._sessions.save, session)
        varies = [(b"vary", b"Cookie")]
        if action == "leave":
            return varies
        age = round(self._sessions.left(session)) if action == "set" else 0
        secure = self._secure if self._secure is not None else _https(scope)
        value = f"{self._cookie}={session.id or ''}; Path={self._path}; Max-Age={age}{self._rest}"
        return [*varies, (b"set-cookie", (value + ("; Secure" if secure else "")).encode("latin-1"))]


def _header(scope: Scope, name: bytes) -> str:
    return "; ".join(value.decode("latin-1") for found, value in scope["headers"] if found.lower() == name)


def _cookie(scope: Scope, name: str) -> str | None:
    try:
        morsel = SimpleCookie(_header(scope, b"cookie")).get(name)
    except CookieError:
        return None
    return morsel.value if morsel else None


def _https(scope: Scope) -> bool:
    return scope.get("scheme") in {"https", "wss"} or _header(scope, b"x-forwarded-proto") == "https"
