"""Log messages as drains send them: RFC 5424 frames that begin with their length in bytes.

TCP and TLS name the drain's token as host and end a message with a newline inside the count; HTTPS writes the word
"host", no structured data and no newline. Receivers know both forms.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from twelve.core.formats import log_line

APP, ROUTER, PLATFORM, API = 190, 158, 45, 134
OVERFLOW = 172  # of an L10 message


@dataclass(frozen=True, slots=True)
class Message:
    """A log line on its way out; `text` is bytes, because nothing here has a reason to change them."""

    priority: int
    stamp: datetime
    source: str
    process: str
    text: bytes


def priority(source: str, process: str) -> int:
    if process == "api":
        return API
    if source == "app":
        return APP
    return ROUTER if process == "router" else PLATFORM


def tcp(message: Message, token: str) -> bytes:
    return _counted(b"%s - - %s\n" % (_head(message, token), message.text))


def http(message: Message) -> bytes:
    return _counted(b"%s - %s" % (_head(message, "host"), message.text))


def http_body(messages: Iterable[Message]) -> bytes:
    """Frames one behind the other, without a separator: their counts tell where they end."""
    return b"".join(map(http, messages))


def _head(message: Message, host: str) -> bytes:
    stamp = log_line.stamp(message.stamp)
    return f"<{message.priority}>1 {stamp} {host} {message.source} {message.process}".encode()


def _counted(frame: bytes) -> bytes:
    return b"%d %s" % (len(frame), frame)
