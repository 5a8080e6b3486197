"""The front door's sockets outlive a HAProxy that dies: we keep copies, in whose queue who comes waits for the next.

HAProxy hands its sockets to its successor (`-x`), and both sides of that are spoken here:

    successor ── "_getsocks" ─▶ predecessor        successor ◀── how many, then what they are with the descriptors ──
"""

import contextlib
import os
import socket
import struct
import threading
from pathlib import Path

PATIENCE = 10.0  # seconds, for the other side
QUESTION = b"_getsocks\n"
SPACE = socket.CMSG_SPACE(252 * 4)  # for all descriptors of a message
LONGEST = 1 << 16  # bytes that say what those are
NUMBER = struct.Struct("i")


class Sockets:
    """Copies of what the HAProxy that answers at `predecessor` listens on. OSError when it does not give them."""

    def __init__(self, predecessor: Path) -> None:
        self._said = b""
        self._descriptors: list[int] = []
        with contextlib.ExitStack() as on_failure, socket.socket(socket.AF_UNIX) as connection:
            on_failure.callback(self.close)
            connection.settimeout(PATIENCE)
            connection.connect(str(predecessor))
            connection.sendall(QUESTION)
            self._receive(connection)
            on_failure.pop_all()

    def close(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())

    def offer(self, path: Path) -> None:
        """To whoever asks there first; closed then, or when nobody does."""
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.settimeout(PATIENCE)
        listener.bind(str(path))
        listener.listen(1)
        threading.Thread(target=self._give, args=(listener,), name="front door's sockets", daemon=True).start()

    def _receive(self, connection: socket.socket) -> None:
        count = _number(connection)
        while len(self._descriptors) < count:
            said, beside, _, _ = connection.recvmsg(LONGEST, SPACE, socket.MSG_CMSG_CLOEXEC)
            if not beside:
                raise ConnectionError("HAProxy keeps its sockets to itself")
            self._said += said
            self._descriptors += memoryview(beside[0][2]).cast("i")
            if len(self._descriptors) < count:
                connection.sendall(NUMBER.pack(len(self._descriptors)))

    def _give(self, listener: socket.socket) -> None:
        with listener, contextlib.closing(self), contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                connection.recv(len(QUESTION), socket.MSG_WAITALL)
                connection.sendall(NUMBER.pack(len(self._descriptors)))
                socket.send_fds(connection, [self._said], self._descriptors)
                _number(connection)  # it has them


def _number(connection: socket.socket) -> int:
    raw = connection.recv(NUMBER.size, socket.MSG_WAITALL)
    if len(raw) < NUMBER.size:
        raise ConnectionError("HAProxy ended in the middle of an answer")
    return int(NUMBER.unpack(raw)[0])
