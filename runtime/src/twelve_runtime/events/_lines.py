"""From an event to its line: JSON whatever the values are, without secrets, in one write."""

import json
import os
import select
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, TextIO

from twelve_runtime.redaction import MASK, is_secret_name, mask

LONGEST = 16_384  # characters of one text: a stack fits
DEEPEST = 8
PATIENCE = 1000  # milliseconds that a full pipe is waited for

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def stamp() -> str:
    return f"{datetime.now(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def redact(value: Any, depth: int = 0) -> Any:
    """The same in JSON's types. Numbers are no secrets: `tokens=1543` is a count."""
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON has no NaN and no infinity
    return _nested(value, depth)


def _nested(value: Any, depth: int) -> Any:
    if depth >= DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {_text(str(key)): _named(str(key), inner, depth) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(inner, depth + 1) for inner in value]
    return _text(_told(value))


def fields(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _named(name, value, 0) for name, value in event.items()}


def encode(event: dict[str, Any]) -> str:
    """Of redacted fields. What cannot be encoded even so, is told as text rather than lost."""
    try:
        return _encode(event)
    except (TypeError, ValueError, RecursionError):
        return _encode({str(name): _text(_told(value)) for name, value in event.items()})


def _named(name: str, value: Any, depth: int) -> Any:
    if is_secret_name(name) and not (value is None or value == "" or isinstance(value, int | float)):
        return MASK
    return redact(value, depth + 1)


def _text(text: str) -> str:
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… and {len(text) - LONGEST} characters"
    return mask(text)


def _told(value: Any) -> str:
    try:
        if isinstance(value, datetime | date | time):
            return value.isoformat()
        if isinstance(value, BaseException):
            return f"{type(value).__name__}: {value}"
        return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    except Exception as error:  # noqa: BLE001 - a log line is no place to fail
        return f"<{type(value).__name__} that cannot be told: {type(error).__name__}>"


class Lines:
    """Where lines go: stdout as it is at that moment, so that tests can catch it. Never raises, never writes half."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def write(self, line: str) -> bool:
        """False when the line could not be written."""
        stream = self._stream or sys.stdout
        if stream is None:
            return False
        data = f"{line}\n".encode("utf-8", "backslashreplace")
        with self._lock:
            try:
                stream.flush()  # what was printed before stays before
                number = stream.fileno()
            except (AttributeError, OSError, ValueError):
                return self._write_text(stream, data.decode())
            return _write_all(number, data)

    def _renew(self) -> None:
        """A child may be forked while another thread writes. RLock, as a signal handler may write, too."""
        self._lock = threading.RLock()

    @staticmethod
    def _write_text(stream: TextIO, line: str) -> bool:
        try:
            stream.write(line)
            stream.flush()
        except (OSError, ValueError):
            return False
        return True


def _write_all(number: int, line: bytes) -> bool:
    """In one write, unless the pipe is full. A reader that is gone or hangs costs lines, not the app."""
    while line:
        try:
            line = line[os.write(number, line) :]
        except BlockingIOError:
            poll = select.poll()
            poll.register(number, select.POLLOUT)
            if not poll.poll(PATIENCE):
                return False
        except OSError:
            return False
    return True
