"""What the stream is kept in: raw chunks of whole lines, one stamp and one origin each, made into lines when read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from twelve.core.formats import log_line, router_line
from twelve.core.model import LogLine

LONGEST_LINE = 10_000  # bytes; longer lines are split, as Heroku does


@dataclass(frozen=True)
class Chunk:
    """`first` is the number of its first line in the app's stream, `count` how many lines `data` holds.

    `mode` is for the router's raw lines, which are written out when somebody reads them: what the front door was told
    of the app when they came. None for lines that are what they are.
    """

    first: int
    count: int
    stamp: datetime
    source: str
    process: str
    raw: bytes
    mode: str | None = None

    @cached_property
    def data(self) -> bytes:
        return self.raw if self.mode is None else router_line.translate(self.raw, self.mode)

    @property
    def end(self) -> int:
        return self.first + self.count


def whole_lines(data: bytes) -> bytes:
    """`data` with a newline last, no carriage return before one, and no line over the limit."""
    if not data.endswith(b"\n"):
        data += b"\n"
    if b"\r\n" in data:
        data = data.replace(b"\r\n", b"\n")
    return data if _all_short(data) else b"".join(_short_lines(data))


def lines_of(chunk: Chunk, start: int = 0) -> Iterator[LogLine]:
    """From its `start`th line on. Bytes that are no text are shown as U+FFFD."""
    for line in chunk.data[:-1].split(b"\n")[start:]:
        yield LogLine(chunk.stamp, chunk.source, chunk.process, line.decode(errors="replace"))


def text_of(chunk: Chunk, start: int = 0) -> str:
    """The same lines as people read them, all at once: a tenth of the work of one by one."""
    head = log_line.head(chunk.stamp, chunk.source, chunk.process)
    lines = chunk.data[:-1].decode(errors="replace").split("\n")[start:]
    return head + f"\n{head}".join(lines) + "\n" if lines else ""


def cut(data: bytes, limit: int = LONGEST_LINE) -> int:
    """Where to split `data`, longer than `limit`: at most there, never inside a UTF-8 character."""
    for position in range(limit, limit - 4, -1):
        if data[position] & 0xC0 != 0x80:  # not a continuation byte: a character begins here
            return position
    return limit  # no UTF-8 at all


def _all_short(data: bytes) -> bool:
    """Jumps from newline to newline in the longest allowed strides: 7 searches for 64 KiB, not one a line."""
    position = 0
    while position < len(data):
        newline = data.rfind(b"\n", position, position + LONGEST_LINE + 1)
        if newline < 0:
            return False
        position = newline + 1
    return True


def _short_lines(data: bytes) -> Iterator[bytes]:
    for line in data[:-1].split(b"\n"):
        rest = line
        while len(rest) > LONGEST_LINE:
            at = cut(rest)
            yield rest[:at] + b"\n"
            rest = rest[at:]
        yield rest + b"\n"
