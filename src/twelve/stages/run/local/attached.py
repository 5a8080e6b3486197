"""A one-off that somebody holds: its input and output on a terminal of its own, or on two pipes."""

import contextlib
import fcntl
import os
import select
import struct
import termios
import threading
from collections.abc import Callable

from twelve.core.model import Process
from twelve.stages.run.local.spawn import Streams

TURN = 200  # milliseconds until a blocked call looks whether the other side has hung up


class AttachedStreams:
    """The engine's end of a terminal or of two pipes; the process's end exists only until it has its copies."""

    def __init__(self, terminal: tuple[int, int] | None) -> None:
        self._terminal = terminal
        self._theirs: list[int] = []
        self.input = self.output = -1
        self.is_terminal = terminal is not None
        self._closed = False
        self._hung_up = False
        self._lock = threading.Lock()

    def open(self) -> Streams:
        if self._terminal is None:
            stdin, self.input = os.pipe()
            self.output, out = os.pipe()
            self._theirs = [stdin, out]
            streams = Streams(stdin=stdin, output=out)
        else:
            self.output, theirs = os.openpty()
            self.input = self.output
            self._theirs = [theirs]
            streams = Streams(terminal=os.ttyname(theirs))
            self.resize(*self._terminal)
        os.set_blocking(self.input, False)
        return streams

    def opened(self) -> None:
        for descriptor in self._theirs:
            os.close(descriptor)

    def finish(self) -> tuple[str, ...]:
        """What is left in them belongs to the one who holds them, if anybody still does."""
        if self._hung_up:
            self.close()
        return ()

    def read(self, size: int) -> bytes:
        """b"" at the end: all who could write are gone, or somebody hung up."""
        while not self._closed:
            if _ready(self.output, select.POLLIN):
                with contextlib.suppress(OSError):  # EIO: a terminal without anybody on the other side
                    return os.read(self.output, size)
                return b""
        return b""

    def write(self, data: bytes) -> None:
        """What nobody reads any more is dropped, as a terminal would."""
        rest = memoryview(data)
        while rest and not self._closed and self.input >= 0:
            if _ready(self.input, select.POLLOUT):
                try:
                    rest = rest[os.write(self.input, rest) :]
                except BlockingIOError:
                    continue
                except OSError:
                    return

    def close_input(self) -> None:
        """The end of the input; on a terminal that is Ctrl-D."""
        if self.is_terminal:
            self.write(b"\x04")
            return
        with self._lock:
            if not self._closed and self.input >= 0:
                os.close(self.input)
                self.input = -1

    def resize(self, columns: int, rows: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.ioctl(self.output, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self) -> None:
        """A terminal is gone at once. A pipe stays until the end, so that SIGHUP comes before SIGPIPE."""
        self._hung_up = True
        if self.is_terminal:
            self.close()
        else:
            self.close_input()

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for descriptor in {self.input, self.output} - {-1}:
                os.close(descriptor)


class Attached:
    def __init__(
        self, process: Process, streams: AttachedStreams, wait: Callable[[], int], hang_up: Callable[[], None]
    ) -> None:
        self.process = process
        self._streams = streams
        self._wait = wait
        self._hang_up = hang_up

    def read(self, size: int = 65536) -> bytes:
        return self._streams.read(size)

    def write(self, data: bytes) -> None:
        self._streams.write(data)

    def close_input(self) -> None:
        self._streams.close_input()

    def resize(self, columns: int, rows: int) -> None:
        if self._streams.is_terminal:
            self._streams.resize(columns, rows)

    def hang_up(self) -> None:
        """The client is gone: SIGHUP, and when that is not heard, SIGTERM and SIGKILL."""
        self._streams.hang_up()
        self._hang_up()

    def wait(self) -> int:
        status = self._wait()
        self._streams.close()
        return status


def _ready(descriptor: int, event: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, event)
    return bool(poll.poll(TURN))
