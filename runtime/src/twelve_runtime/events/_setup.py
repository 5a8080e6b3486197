"""The one setup a process: structlog, the standard library's logging, warnings and uncaught errors in one stream."""

import logging
import os
import sys
import threading
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO, cast

import structlog
from structlog.contextvars import merge_contextvars
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from twelve_runtime import _otel
from twelve_runtime.events._lines import Lines, encode, fields, stamp

Logger = FilteringBoundLogger
LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
LEVEL_OF = {"exception": "error", "warn": "warning", "fatal": "critical"}
NAME = "_logger"  # until the line is made: structlog has a parameter of the name that readers expect
HEAD = ("ts", "level", "event", "request_id")
OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class Stream:
    """What turns an event into a line, and into a log record for OpenTelemetry where that is asked for."""

    def __init__(self, lines: Lines, always: Mapping[str, Any], export: _otel.Export | None) -> None:
        self.lines = lines
        self.always = dict(always)
        self.export = export

    def line(self, level: str, event: EventDict, exported: bool = True) -> str:
        told = _errors_told({**self.always, **event})
        ordered: dict[str, Any] = {"ts": stamp(), "level": level}
        for name in HEAD:
            if name in told:
                ordered[name] = told.pop(name)
        if NAME in told:
            ordered["logger"] = told.pop(NAME)
        ordered.update(told)
        clean = fields(ordered)
        clean.update(_otel.trace())
        if self.export and exported:
            self.export(clean)
        return encode(clean)


class _Out:
    """Where structlog hands lines to: the stream of that moment."""

    def write(self, line: str) -> bool:
        return _current is not None and _current.lines.write(line)

    debug = info = warning = warn = error = exception = critical = fatal = log = msg = write


def _process(_logger: WrappedLogger, method: str, event: EventDict) -> str:
    """The last processor of structlog: gives the line."""
    return _current.line(LEVEL_OF.get(method, method), event) if _current else ""


class Bridge(logging.Handler):
    """Records of the standard library, which other people's code writes, as events of the same stream."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._events = stream

    def emit(self, record: logging.LogRecord) -> None:
        extra = {name: value for name, value in record.__dict__.items() if name not in OWN}
        event: EventDict = {"event": _message(record), "logger": record.name, **extra}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        merged = merge_contextvars(None, "", event)
        # The exporter's own complaints go to stdout alone, or each would cause the next.
        exported = not str(record.name).startswith(("opentelemetry", "urllib3", "requests"))
        self._events.lines.write(self._events.line(record.levelname.lower(), merged, exported))


_current: Stream | None = None


def configure(level: str | None = None, *, stream: TextIO | None = None, **always: Any) -> Logger:
    """Once, at the start of a process. `level` is LOG_LEVEL's where none is given; `always` is in every line.

    OpenTelemetry log records go out as well when OTEL_EXPORTER_OTLP_ENDPOINT (or its like) is set.
    """
    global _current  # noqa: PLW0603 - one stream a process
    wanted = (level or os.environ.get("LOG_LEVEL") or "info").lower()
    number = LEVELS.get(wanted, logging.INFO)
    flush()
    export, problem = _otel.export(os.environ, "twelve_runtime.events")
    _current = Stream(Lines(stream), always, export)
    structlog.configure(
        processors=[merge_contextvars, _process],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _Out(),
        cache_logger_on_first_use=True,  # the level of the first call stays; all else follows a second one
    )
    _bridge(_current, number)
    _catch()
    made = logger()
    if wanted not in LEVELS:
        made.warning("log_level_unknown", wanted=wanted, known=list(LEVELS))
    if problem:
        made.warning("telemetry_not_sent", reason=problem)
    return made


def logger(name: str = "", **bound: Any) -> Logger:
    """May be made before `configure`, at the top of a module."""
    return cast("Logger", structlog.get_logger(**({NAME: name} if name else {}), **bound))


def flush() -> None:
    """Sends what OpenTelemetry still holds; lines are never held."""
    if _current and _current.export:
        _current.export.flush()


def _bridge(stream: Stream, level: int) -> None:
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, Bridge) or _to_terminal(handler):
            root.removeHandler(handler)
    root.addHandler(Bridge(stream))
    root.setLevel(level)
    logging.captureWarnings(True)
    for other in list(logging.root.manager.loggerDict.values()):
        if isinstance(other, logging.Logger) and any(_to_terminal(handler) for handler in other.handlers):
            # A server's, with a format of its own: uvicorn's, gunicorn's.
            other.handlers = [handler for handler in other.handlers if not _to_terminal(handler)]
            other.propagate = True


def _to_terminal(handler: logging.Handler) -> bool:
    known = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    return isinstance(handler, logging.StreamHandler) and getattr(handler, "stream", None) in known


def _catch() -> None:
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is None or issubclass(kind, KeyboardInterrupt | SystemExit):
        if kind is not SystemExit and error is not None:
            sys.__excepthook__(kind, error, trace)
        return
    if not logger().critical("uncaught", exc_info=(kind, error, trace)):
        sys.__excepthook__(kind, error, trace)  # nobody reads stdout any more


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - somebody else's format string
        return f"{record.msg} (its arguments do not fit: {type(error).__name__})"


def _errors_told(event: EventDict) -> EventDict:
    """`exc_info` becomes the error's type and its stack, as text."""
    given = event.pop("exc_info", None)
    event.pop("stack_info", None)
    error = _error(given)
    if error is None:
        return event
    return {**event, "error": type(error).__name__, "exception": "".join(traceback.format_exception(error))}


def _error(given: Any) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return given[1] if len(given) > 1 and isinstance(given[1], BaseException) else None
    return sys.exc_info()[1] if given else None
