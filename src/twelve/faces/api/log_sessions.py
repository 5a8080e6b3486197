"""Log sessions: an address that streams an app's log lines, as server-sent events or as plain text."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from twelve.core.formats import log_line
from twelve.core.model import LogFilter
from twelve.faces.api import bodies, references
from twelve.faces.api.routes import READS, Call, Routes, call_of
from twelve.stages.logs.hub import LogHub
from twelve.stages.logs.tail import TailLine

KIND = "session"
SECONDS = 24 * 3600
LINES = 100
HEARTBEAT = 20.0

routes = Routes()


@routes.post("/apps/{app}/log-sessions")
def create(call: Call) -> Any:
    app, now = call.app(), references.time(datetime.now(UTC))
    wanted = {
        "app": str(app.id),
        "lines": bodies.number(call.body, "lines", LINES),
        "tail": bodies.flag(call.body, "tail"),
        "source": bodies.optional_text(call.body, "source"),
        "process": next(
            filter(None, (bodies.optional_text(call.body, key) for key in ("dyno", "dyno_name", "type"))), None
        ),
    }
    url = call.url(f"/_logs/{call.capabilities.issue(KIND, SECONDS, wanted)}")
    return {"id": str(uuid4()), "logplex_url": url, "created_at": now, "updated_at": now}


@routes.raw("GET", "/_logs/{secret}")
async def stream(request: Request) -> Response:
    call = call_of(request, {})
    wanted = call.capabilities.open(KIND, call.path["secret"])
    app = await to_thread.run_sync(call.platform.apps.get, UUID(wanted["app"]), limiter=READS)
    if wanted["tail"] or "text/event-stream" in request.headers.get("accept", ""):
        return LogStream(call.platform.logs, app.name, wanted, request.headers)
    written = call.platform.logs.text(app.name, wanted["lines"], _filter(wanted))
    return StreamingResponse(written, media_type="text/plain")


def _filter(wanted: Mapping[str, Any]) -> LogFilter:
    return LogFilter(source=wanted["source"], process=wanted["process"])


class LogStream(StreamingResponse):
    """Opens the tail before it answers, so that no line is missed from then on, and closes it whatever happens."""

    def __init__(self, hub: LogHub, app: str, wanted: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self._fresh = asyncio.Event()
        self._follow = wanted["tail"]
        self._tail = hub.tail(
            app,
            _filter(wanted),
            after=headers.get("last-event-id"),
            lines=wanted["lines"],
            wake=_waker(asyncio.get_running_loop(), self._fresh),
        )
        events = "text/event-stream" in headers.get("accept", "")
        written = self._written(_event, ": ping\n\n") if events else self._written(_line, "")
        super().__init__(written, media_type="text/event-stream" if events else "text/plain")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._tail:
            await super().__call__(scope, receive, send)

    async def _written(self, form: Callable[[TailLine], str], heartbeat: str) -> AsyncIterator[str]:
        async for batch in self._batches():
            yield "".join(map(form, batch)) or heartbeat

    async def _batches(self) -> AsyncIterator[Sequence[TailLine]]:
        """Lines as they come; an empty batch now and then while nothing does."""
        while True:
            self._fresh.clear()
            while batch := self._tail.batch(0):
                yield batch
            if self._tail.closed or not self._follow:
                return
            try:
                await asyncio.wait_for(self._fresh.wait(), HEARTBEAT)
            except TimeoutError:
                yield ()


def _event(line: TailLine) -> str:
    return f"id: {line.cursor}\ndata: {log_line.format(line.line)}\n\n"


def _line(line: TailLine) -> str:
    return f"{log_line.format(line.line)}\n"


def _waker(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> Callable[[], None]:
    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the server has ended while somebody still writes
            loop.call_soon_threadsafe(event.set)

    return wake
