"""A port that passes every connection on to a service and counts them: it shows whom a process talks to."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

PIECE = 65536


class Relay:
    """Passes on to the first address that `instead_of` was given. Ends with the block, and its connections with it."""

    def __init__(self) -> None:
        self.connections = 0
        self._target: tuple[str, int] | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, name="relay", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def instead_of(self, url: str) -> str:
        """The same URL, by way of here; what is no URL with a port stays as it is."""
        parts = urlsplit(url)
        if not parts.port or not parts.hostname:
            return url
        self._target = self._target or (parts.hostname, parts.port)
        return parts._replace(netloc=parts.netloc.removesuffix(f":{parts.port}") + f":{self.port}").geturl()

    @property
    def port(self) -> str:
        """Its own."""
        return str(self._listener.getsockname()[1])

    def passes(self, _piece: bytes, _connection: int, *, answer: bool) -> bool:  # noqa: ARG002 - for those that look
        """Whether a piece is passed on, a question or an `answer`; after a no, nothing follows it on that way."""
        return True

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                number = self.connections
                if self._target is None:
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                self._open += [client, server]
                for source, sink, answers in ((client, server, False), (server, client, True)):
                    work = (source, sink, number, answers)
                    threading.Thread(target=self._pass_on, args=work, name="relay", daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, connection: int, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE):
                if not self.passes(piece, connection, answer=answers):
                    return
                sink.sendall(piece)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
