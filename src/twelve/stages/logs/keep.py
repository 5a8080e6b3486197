"""An app's last lines in a file, for the server that comes next: they outlive this one, however it ends.

The file has two halves, written in turn and in place, and is never synced: it is for the death of a server, not of the
machine. A record counts when its end carries the number of its half's turn, so that half a write is no record.
"""

import itertools
import logging
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from twelve.stages.logs.chunks import Chunk

log = logging.getLogger(__name__)

MAGIC = b"twelve\x00\x01"
HALF_BYTES = 1 << 19
LIFE = 8  # characters
MODE = "="  # before a mode, which may be empty, where there is one
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_HEAD = struct.Struct("<IIBQQQBBB")  # size, turn, kind, first, number, microseconds, lengths of source, name and mode
_END = struct.Struct("<I")  # turn


class Kind(IntEnum):
    LINES = 1
    HELD = 2  # the beginning of a line whose end is not read yet; `number` 1: in place of what was held before
    MARK = 3  # a drain has delivered all lines before number `first`


class Record(NamedTuple):
    kind: Kind
    first: int = 0
    number: int = 0
    stamp: datetime = EPOCH
    source: str = ""
    name: str = ""
    mode: str = ""
    raw: bytes = b""


@dataclass(slots=True)
class Kept:
    """What a file holds: the lines in order, beginnings of lines by process, and how far each drain got."""

    life: str
    chunks: list[Chunk] = field(default_factory=list)
    held: dict[str, bytes] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        match record.kind:
            case Kind.LINES:
                self.chunks.append(_chunk(record))
            case Kind.HELD:
                before = b"" if record.number else self.held.get(record.name, b"")
                self.held[record.name] = before + record.raw
                if not self.held[record.name]:
                    del self.held[record.name]
            case Kind.MARK:
                self.marks[record.name] = record.first


class Keep:
    """Writes one app's file, if there is one. Its caller lets one thread in at a time.

    A file that cannot be written is given up: the lines themselves matter more.
    """

    def __init__(self, path: Path | None, life: str, half_bytes: int = HALF_BYTES) -> None:
        """`life` is for a file that is not there yet; `kept` has the file's own."""
        self._path = path
        self._half_bytes = half_bytes
        self._fd = -1
        self.kept = Kept(life)
        self._turn, self._offset = 1, 0
        if path is not None:
            self._open(path)

    def lines(self, chunk: Chunk) -> None:
        mode = "" if chunk.mode is None else MODE + chunk.mode
        self._write(
            Record(Kind.LINES, chunk.first, chunk.count, chunk.stamp, chunk.source, chunk.process, mode, chunk.raw)
        )

    def hold(self, key: str, beginning: bytes, *, more: bool = False) -> None:
        """`more`: of the same line; otherwise instead of what was held before, or nothing any more."""
        record = Record(Kind.HELD, number=0 if more else 1, name=key, raw=beginning)
        self._write(record)
        self.kept.take(record)

    def mark(self, key: str, number: int) -> None:
        record = Record(Kind.MARK, first=number, name=key)
        self.kept.take(record)
        self._write(record)

    def unmark(self, key: str) -> None:
        """From the next turn on it is forgotten."""
        self.kept.marks.pop(key, None)

    def remove(self) -> None:
        self.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self, path: Path) -> None:
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._begin(os.pread(self._fd, len(MAGIC) + LIFE, 0))
        except OSError as error:
            self._give_up(error)

    def _begin(self, header: bytes) -> None:
        if header[: len(MAGIC)] != MAGIC or len(header) < len(MAGIC) + LIFE:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, MAGIC + self.kept.life.encode(), 0)
            return
        self.kept.life = header[len(MAGIC) :].decode(errors="replace")
        halves = sorted((half for number in (0, 1) if (half := self._read(number))), key=lambda half: half.turn)
        for half in halves:
            for record in half.records:
                self.kept.take(record)
        if halves:
            self._turn, self._offset = halves[-1].turn, halves[-1].size

    def _read(self, number: int) -> "_Half | None":
        return _Half.of(os.pread(self._fd, self._half_bytes, self._place(number)))

    def _place(self, turn: int) -> int:
        return len(MAGIC) + LIFE + (turn + 1) % 2 * self._half_bytes

    def _write(self, record: Record) -> None:
        if self._fd < 0:
            return
        names = [text.encode()[:255] for text in (record.source, record.name, record.mode)]
        size = _HEAD.size + sum(map(len, names)) + len(record.raw) + _END.size
        if size > self._half_bytes // 4:
            return  # nothing that processes or the front door hand over is so large
        if self._offset + size > self._half_bytes:
            self._turn_over()
        microseconds = (record.stamp - EPOCH) // MICROSECOND
        head = _HEAD.pack(size, self._turn, record.kind, record.first, record.number, microseconds, *map(len, names))
        end = _END.pack(self._turn)
        try:
            written = os.pwritev(self._fd, [head, *names, record.raw, end], self._place(self._turn) + self._offset)
        except OSError as error:
            self._give_up(error)
        else:
            self._offset += size
            if written != size:
                self._give_up("it was cut short")

    def _turn_over(self) -> None:
        """What has to be known for longer than its half lives is said again at the beginning of the next."""
        self._turn, self._offset = self._turn + 1, 0
        for key, beginning in self.kept.held.items():
            self._write(Record(Kind.HELD, number=1, name=key, raw=beginning))
        for key, number in self.kept.marks.items():
            self._write(Record(Kind.MARK, first=number, name=key))

    def _give_up(self, reason: object) -> None:
        log.warning("Log lines are not kept for the next server: %s: %s", self._path, reason)
        with suppress(OSError):
            self.remove()


class _Half(NamedTuple):
    turn: int
    size: int
    records: list[Record]

    @classmethod
    def of(cls, data: bytes) -> "_Half | None":
        """None when nothing was ever written there."""
        records, size, turn = [], 0, None
        for turn, end, record in _records(data):  # noqa: B007 - the last ones are wanted
            records.append(record)
            size = end
        return None if turn is None else cls(turn, size, records)


def _records(data: bytes) -> Iterator[tuple[int, int, Record]]:
    """Turn, end and record, up to the first that is of an older turn or not whole."""
    at, turn = 0, None
    while at + _HEAD.size <= len(data):
        size, its_turn, kind, *numbers, source, name, mode = _HEAD.unpack_from(data, at)
        body, end = at + _HEAD.size, at + size
        if not body + source + name + mode + _END.size <= end <= len(data) or kind not in list(Kind):
            return
        if its_turn != (turn or its_turn) or _END.unpack_from(data, end - _END.size)[0] != its_turn:
            return
        turn = its_turn
        first, number, microseconds = numbers
        stamp = EPOCH + MICROSECOND * microseconds
        texts, raw = _texts(data[body : end - _END.size], [source, name, mode])
        yield turn, end, Record(Kind(kind), first, number, stamp, *texts, raw)
        at = end


def _chunk(record: Record) -> Chunk:
    mode = record.mode.removeprefix(MODE) if record.mode else None
    return Chunk(record.first, record.number, record.stamp, record.source, record.name, record.raw, mode)


def _texts(data: bytes, lengths: list[int]) -> tuple[tuple[str, str, str], bytes]:
    """Source, name and mode, and what comes behind them."""
    source, name, mode = itertools.accumulate(lengths)
    parts = (data[:source], data[source:name], data[name:mode])
    first, second, third = (part.decode(errors="replace") for part in parts)
    return (first, second, third), data[mode:]
