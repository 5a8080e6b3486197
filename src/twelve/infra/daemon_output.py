"""The reading end of a daemon's output: a named pipe, a thread that empties it, the last lines for error texts."""

import contextlib
import fcntl
import logging
import os
import select
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

log = logging.getLogger(__name__)

PIPE_BYTES = 1 << 20  # what a server can say while no platform process listens; the kernel's limit for users
CHUNK = 1 << 17
TAIL_BYTES = 4096
TAIL_LINES = 10


class OutputReader:
    """Opened for reading and writing by everybody, the pipe never ends and never breaks."""

    def __init__(self, path: Path, output: Callable[[bytes], None] | None) -> None:
        self.path = path
        self._output = output
        self._tail = b""
        self._thread: threading.Thread | None = None
        self._wake = -1

    def open(self) -> None:
        """Start reading; fine when it is read already."""
        if self._thread is not None:
            return
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self.path, 0o600)
        descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        with contextlib.suppress(OSError):  # a user over his quota of pipe memory keeps the usual 64 KiB
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._tail = b""
        self._wake = os.eventfd(0)
        self._thread = threading.Thread(
            target=self._read, args=(descriptor, self._wake), name=f"{self.path.stem}-output", daemon=True
        )
        self._thread.start()

    @contextlib.contextmanager
    def writing_end(self) -> Iterator[int]:
        """For a child to inherit; blocking, so that nothing is lost while the pipe is full."""
        descriptor = os.open(self.path, os.O_RDWR)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Read what is left and stop reading; fine when it is closed."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        os.eventfd_write(self._wake, 1)
        if thread is not threading.current_thread():
            thread.join()

    def tail(self) -> tuple[str, ...]:
        return tuple(self._tail.decode(errors="replace").splitlines()[-TAIL_LINES:])

    def _read(self, descriptor: int, wake: int) -> None:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.register(wake, select.POLLIN)
        try:
            while True:
                woken = any(fd == wake for fd, _ in poll.poll())
                self._drain(descriptor)
                if woken:
                    return
        finally:
            os.close(descriptor)
            os.close(wake)

    def _drain(self, descriptor: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(descriptor, CHUNK):
                self._tail = (self._tail + chunk[-TAIL_BYTES:])[-TAIL_BYTES:]
                self._pass_on(chunk)

    def _pass_on(self, chunk: bytes) -> None:
        if self._output is None:
            return
        try:
            self._output(chunk)
        except Exception:  # a reader that stops would freeze the server behind it
            log.exception("The output of %s could not be taken", self.path.stem)
