"""Factor IX, for whoever routes to a process: it lives, and it can serve. Two pages, as middleware for ASGI and WSGI.

    health = Health({"database": database_answers}, optional={"queue": queue_answers}, lifecycle=lifecycle)
    app = health.asgi(app)      # GET /livez, GET /readyz

Live is a process that answers at all: it asks nothing else, as a restart would not bring a database back. Ready is one
whose checks succeed, and that was not told to stop.
"""

import asyncio
import concurrent.futures
import inspect
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from twelve_runtime._serving import ASGIApp, Receive, Send, WSGIApp
from twelve_runtime.redaction import mask

log = logging.getLogger(__name__)
Check = Callable[[], object]
Page = tuple[int, dict[str, Any]]
TIMEOUT = 2.0  # seconds
METHODS = frozenset({"GET", "HEAD"})


class Stopping(Protocol):
    """A Lifecycle."""

    stopping: bool


@dataclass(frozen=True)
class Result:
    """`why` is for whoever may read the page: the kind of the error, not its text."""

    up: bool
    milliseconds: float
    why: str = ""

    def shown(self) -> dict[str, Any]:
        return {"status": "up" if self.up else "down", "ms": self.milliseconds} | (
            {"why": self.why} if self.why else {}
        )


class Health:
    """A check succeeds unless it raises or returns False; coroutine functions are awaited, under ASGI only.

    All run at once, each for at most `timeout` seconds. One that hangs is not started again before it ends, and
    callers who come meanwhile share its answer, so that no number of callers makes more than one run of it.
    """

    def __init__(
        self,
        checks: Mapping[str, Check] | None = None,
        *,
        optional: Mapping[str, Check] | None = None,
        lifecycle: Stopping | None = None,
        timeout: float = TIMEOUT,
        live: str = "/livez",
        ready: str = "/readyz",
    ) -> None:
        self._needed = {name: _Runner(name, check) for name, check in (checks or {}).items()}
        self._optional = {name: _Runner(name, check) for name, check in (optional or {}).items()}
        self._lifecycle = lifecycle
        self._timeout = timeout
        self._live = live
        self._ready = ready

    def asgi(self, app: ASGIApp) -> ASGIApp:
        async def answer(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["method"] not in METHODS or not self._is_ours(scope["path"]):
                await app(scope, receive, send)
                return
            status, page = self.live() if scope["path"] == self._live else await self.aready()
            body = _body(page)
            headers = [(name.lower().encode(), value.encode()) for name, value in _headers(body)]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

        return answer

    def wsgi(self, app: WSGIApp) -> WSGIApp:
        def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            path = environ.get("PATH_INFO", "")
            if environ["REQUEST_METHOD"] not in METHODS or not self._is_ours(path):
                return app(environ, start_response)
            status, page = self.live() if path == self._live else self.ready()
            body = _body(page)
            start_response("200 OK" if status == 200 else "503 Service Unavailable", _headers(body))
            return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

        return answer

    def live(self) -> Page:
        return 200, {"status": "live"}

    def ready(self) -> Page:
        """Asked by hand, or by WSGI."""
        if self._stopping():
            return 503, {"status": "stopping"}
        deadline = time.monotonic() + self._timeout
        running = {name: runner.start() for name, runner in self._all().items()}
        return self._page({name: _outcome(future, deadline) for name, future in running.items()})

    async def aready(self) -> Page:
        if self._stopping():
            return 503, {"status": "stopping"}
        running = [asyncio.ensure_future(runner.start_in_loop()) for runner in self._all().values()]
        if running:
            await asyncio.wait(running, timeout=self._timeout)
        late = Result(up=False, milliseconds=round(self._timeout * 1000, 1), why="time-out")
        results = [task.result() if task.done() else late for task in running]
        for task in running:
            task.cancel()
        return self._page(dict(zip(self._all(), results, strict=True)))

    def _page(self, results: Mapping[str, Result]) -> Page:
        ready = all(results[name].up for name in self._needed)
        checks = {name: result.shown() for name, result in results.items()}
        return (200 if ready else 503), {"status": "ready" if ready else "not ready", "checks": checks}

    def _all(self) -> dict[str, "_Runner"]:
        return self._needed | self._optional

    def _stopping(self) -> bool:
        return self._lifecycle is not None and self._lifecycle.stopping

    def _is_ours(self, path: str) -> bool:
        return path in {self._live, self._ready}


class _Runner:
    """One check, run by at most one thread or task at a time."""

    def __init__(self, name: str, check: Check) -> None:
        self._name = name
        self._check = check
        self._lock = threading.Lock()
        self._running: concurrent.futures.Future[Result] | None = None
        self._task: asyncio.Task[Result] | None = None

    def start(self) -> "concurrent.futures.Future[Result]":
        if inspect.iscoroutinefunction(self._check):
            raise TypeError(f'The check "{self._name}" is a coroutine function: it needs ASGI.')
        with self._lock:
            if self._running is None or self._running.done():
                self._running = concurrent.futures.Future()
                threading.Thread(target=self._run, args=(self._running,), name=self._name, daemon=True).start()
            return self._running

    async def start_in_loop(self) -> Result:
        """Shielded: a caller whose time is up does not end the run that others wait for."""
        if not inspect.iscoroutinefunction(self._check):
            return await asyncio.shield(asyncio.wrap_future(self.start()))
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._await(self._check))
        return await asyncio.shield(self._task)

    def _run(self, future: "concurrent.futures.Future[Result]") -> None:
        began = time.perf_counter()
        try:
            result = _result(began, self._check() is not False)
        except Exception as error:  # noqa: BLE001 - whatever it raises, it is down
            result = self._failed(began, error)
        future.set_result(result)

    async def _await(self, check: Callable[[], Awaitable[object]]) -> Result:
        began = time.perf_counter()
        try:
            return _result(began, await check() is not False)
        except Exception as error:  # noqa: BLE001 - the same
            return self._failed(began, error)

    def _failed(self, began: float, error: Exception) -> Result:
        log.warning("check %s failed: %s: %s", self._name, type(error).__name__, mask(str(error).partition("\n")[0]))
        return _result(began, up=False, why=type(error).__name__)


def _result(began: float, up: bool, why: str = "") -> Result:
    return Result(up, round((time.perf_counter() - began) * 1000, 1), why)


def _outcome(future: "concurrent.futures.Future[Result]", deadline: float) -> Result:
    began = time.perf_counter()
    try:
        return future.result(max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        return _result(began, up=False, why="time-out")


def _body(page: Mapping[str, Any]) -> bytes:
    return json.dumps(page).encode() + b"\n"


def _headers(body: bytes) -> list[tuple[str, str]]:
    return [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    ]
