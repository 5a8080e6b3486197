"""Log sessions: an address that streams an app's log lines, as server-sent events or as plain text."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

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
    batches = follow(call.platform.logs, app.name, wanted, request.headers.get("last-event-id"))
    if "text/event-stream" in request.headers.get("accept", ""):
        return StreamingResponse(_events(batches), media_type="text/event-stream")
    return StreamingResponse(_plain(batches), media_type="text/plain")


async def follow(
    hub: LogHub, app: str, wanted: Mapping[str, Any], after: str | None
) -> AsyncIterator[Sequence[TailLine]]:
    """Batches of lines as they come; an empty one now and then while nothing does."""
    fresh = asyncio.Event()
    wake = _waker(asyncio.get_running_loop(), fresh)
    chosen = LogFilter(source=wanted["source"], process=wanted["process"])
    with hub.tail(app, chosen, after=after, lines=wanted["lines"], wake=wake) as tail:
        while True:
            fresh.clear()
            while batch := tail.batch(0):
                yield batch
            if tail.closed or not wanted["tail"]:
                return
            try:
                await asyncio.wait_for(fresh.wait(), HEARTBEAT)
            except TimeoutError:
                yield ()


def _waker(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> Any:
    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the server has ended while somebody still writes
            loop.call_soon_threadsafe(event.set)

    return wake


async def _events(batches: AsyncIterator[Sequence[TailLine]]) -> AsyncIterator[str]:
    async for batch in batches:
        yield "".join(map(_event, batch)) or ": ping\n\n"


def _event(line: TailLine) -> str:
    return f"id: {line.cursor}\ndata: {log_line.format(line.line)}\n\n"


async def _plain(batches: AsyncIterator[Sequence[TailLine]]) -> AsyncIterator[str]:
    async for batch in batches:
        yield "".join(f"{log_line.format(line.line)}\n" for line in batch)
