"""Factor XI: an app's log is a stream of events on stdout, a JSON object a line; the platform takes it from there.

log = events.configure(level="info")
log.info("note_saved", note=7)
{"ts": "2027-01-01T12:00:00.000Z", "level": "info", "event": "note_saved", "request_id": "7f1c", "note": 7}
"""

from typing import Any

from twelve_runtime._extras import needs

with needs("events", "structlog", "events"):
    from structlog.contextvars import bound_contextvars as bound
    from structlog.contextvars import get_contextvars

    from twelve_runtime.events._setup import Logger, configure, flush, logger

from twelve_runtime._serving import ASGIApp, WSGIApp
from twelve_runtime.events._requests import AsgiEvents, WsgiEvents

__all__ = ["Logger", "asgi", "bound", "configure", "flush", "logger", "request_id", "wsgi"]


def request_id() -> str:
    """Of the request or job in hand; hand it on with the work that it causes."""
    found: Any = get_contextvars().get("request_id", "")
    return str(found)


def asgi(app: ASGIApp, *, quiet: frozenset[str] | set[str] = frozenset()) -> ASGIApp:
    """Gives every request its id, in all its lines and in its answer, and one line.

    None for the paths in `quiet`, and for all below one that ends with a slash, unless they fail.
    """
    return AsgiEvents(app, logger(), frozenset(quiet))


def wsgi(app: WSGIApp, *, quiet: frozenset[str] | set[str] = frozenset()) -> WSGIApp:
    """The same for WSGI."""
    return WsgiEvents(app, logger(), frozenset(quiet))
