"""As much of Redis' protocol as a probe speaks: one command and its answer at a time, and commands that pass by."""

import socket
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import unquote, urlsplit

Value = bytes | int | list["Value"] | None
PATIENCE = 5.0  # seconds


class Redis:
    """A connection by URL. Errors are answers too: bytes that begin with "-"."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 6379), PATIENCE)
        self._file = self._socket.makefile("rb")
        if parts.password:
            self("AUTH", unquote(parts.username or "default"), unquote(parts.password))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._socket.close()

    def __call__(self, *words: str | bytes) -> Value:
        raw = [word.encode() if isinstance(word, str) else word for word in words]
        self._socket.sendall(b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in raw))
        return _value(self._file)


class Commands:
    """Commands of one connection, from the pieces they come in. What cannot be read is skipped for good."""

    MOST = 1 << 20

    def __init__(self) -> None:
        self._left = b""

    def feed(self, piece: bytes) -> Iterator[list[bytes]]:
        self._left += piece
        while found := _command(self._left):
            words, end = found
            self._left = self._left[end:]
            yield words
        if len(self._left) > self.MOST:
            self._left = b""


def _command(raw: bytes) -> tuple[list[bytes], int] | None:
    """An array of strings at the beginning, and where it ends; None when it is not whole, or is something else."""
    head, line, _ = raw.partition(b"\r\n")
    if not line or not head.startswith(b"*") or not head[1:].isdigit():
        return None
    words, at = [], len(head) + 2
    for _ in range(int(head[1:])):
        end = raw.find(b"\r\n", at)
        if end < 0 or not raw[at + 1 : end].isdigit():
            return None
        start, length = end + 2, int(raw[at + 1 : end])
        at = start + length + 2
        if len(raw) < at:
            return None
        words.append(raw[start : start + length])
    return words, at


def _value(file: BinaryIO) -> Value:
    line = file.readline().rstrip(b"\r\n")
    kind, rest = line[:1], line[1:]
    match kind:
        case b"$":
            return None if rest == b"-1" else file.read(int(rest) + 2)[:-2]
        case b"*":
            return None if rest == b"-1" else [_value(file) for _ in range(int(rest))]
        case b":":
            return int(rest)
        case b"+":
            return rest
        case _:
            return line
