"""The front door's sockets outlive a HAProxy that dies: we keep copies, in whose queue who comes waits for the next.

HAProxy hands its sockets to its successor (`-x`), and both sides of that are spoken here:

    successor ── "_getsocks" ─▶ predecessor        successor ◀── how many, then what they are with the descriptors ──

Only those for visitors are kept: who gives orders has to hear at once that nobody is there.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 10.0  # seconds, for the other side
QUESTION = b"_getsocks\n"
SPACE = socket.CMSG_SPACE(252 * 4)  # for all descriptors of a message
LONGEST = 1 << 16  # bytes that say what those are
NUMBER = struct.Struct("i")


class Sockets:
    """Copies of where the HAProxy that answers at `predecessor` takes visitors. OSError when it does not give them."""

    def __init__(self, predecessor: Path) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(predecessor))
            connection.sendall(QUESTION)
            self._copies = _received(connection)

    def close(self) -> None:
        for copy, _ in self._copies:
            copy.close()

    def descriptors(self) -> list[int]:
        return [copy.fileno() for copy, _ in self._copies]

    def offer(self, path: Path) -> None:
        """To whoever asks there first; closed then, or when nobody does."""
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.settimeout(PATIENCE)
        listener.bind(str(path))
        listener.listen(1)
        threading.Thread(target=self._give, args=(listener, path), name="front door's sockets", daemon=True).start()

    def _give(self, listener: socket.socket, path: Path) -> None:
        with listener, contextlib.closing(self), contextlib.suppress(OSError):
            connection, _ = listener.accept()
            path.unlink()
            with connection:
                connection.settimeout(PATIENCE)
                connection.recv(len(QUESTION), socket.MSG_WAITALL)
                connection.sendall(NUMBER.pack(len(self._copies)))
                socket.send_fds(connection, [b"".join(what for _, what in self._copies)], self.descriptors())
                _number(connection)  # it has them


def _received(connection: socket.socket) -> list[tuple[socket.socket, bytes]]:
    """Each with what it is. That they do not block is HAProxy's too: `dup` and `settimeout` would change it."""
    count, said = _number(connection), b""
    given: list[socket.socket] = []
    with contextlib.ExitStack() as on_failure:
        while len(given) < count:
            part, beside, _, _ = connection.recvmsg(LONGEST, SPACE, socket.MSG_CMSG_CLOEXEC)
            if not beside:
                raise ConnectionError("HAProxy keeps its sockets to itself")
            said += part
            given += [on_failure.enter_context(socket.socket(fileno=one)) for one in memoryview(beside[0][2]).cast("i")]
            if len(given) < count:
                connection.sendall(NUMBER.pack(len(given)))
        known = list(_each(said))
        if len(known) != count:
            raise ConnectionError("HAProxy says something else of its sockets than we know")
        on_failure.pop_all()
    for one in given:
        if one.family == socket.AF_UNIX:
            one.close()
    return [(one, what) for one, what in zip(given, known, strict=True) if one.family != socket.AF_UNIX]


def _each(said: bytes) -> Iterator[bytes]:
    """Of each socket its namespace and its interface, their lengths before them, and its options."""
    while said:
        interface = 1 + said[0]
        end = interface + 1 + sum(said[interface : interface + 1]) + NUMBER.size
        yield said[:end]
        said = said[end:]


def _number(connection: socket.socket) -> int:
    raw = connection.recv(NUMBER.size, socket.MSG_WAITALL)
    if len(raw) < NUMBER.size:
        raise ConnectionError("HAProxy ended in the middle of an answer")
    return int(NUMBER.unpack(raw)[0])
