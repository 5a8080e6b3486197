"""What drains deliver to: a real HTTP server and a real syslog server on loopback, in threads."""

import contextlib
import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


def frames(data: bytes) -> list[bytes]:
    """Octet-counted frames, without their counts; anything else is an error."""
    found = whole(data)
    assert sum(len(frame) + len(str(len(frame))) + 1 for frame in found) == len(data), data[:80]
    return found


@dataclass
class Delivered:
    """One request: its headers, its body, and what it was answered."""

    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def frames(self) -> list[bytes]:
        return frames(self.body)


@dataclass
class HttpReceiver:
    """Answers with `statuses` as long as there are any, then 204."""

    statuses: list[int] = field(default_factory=list)
    delivered: list[Delivered] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    hold: threading.Event = field(default_factory=threading.Event)  # cleared: requests stay unanswered

    def lines(self) -> list[bytes]:
        """The frames that were accepted."""
        return [frame for one in list(self.delivered) if one.status < 300 for frame in one.frames]

    def texts(self) -> list[bytes]:
        return [frame.partition(b" - ")[2] for frame in self.lines()]


@contextlib.contextmanager
def http_receiver(statuses: list[int] | None = None, port: int = 0) -> Iterator[HttpReceiver]:
    receiver = HttpReceiver(statuses or [])
    receiver.hold.set()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.hold.wait(30)
            status = receiver.statuses.pop(0) if receiver.statuses else 204
            receiver.delivered.append(
                Delivered({k.lower(): v for k, v in self.headers.items()} | {":path": self.path}, body, status)
            )
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Threaded(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # a sender that goes away in the middle is part of the tests

    with Threaded(("127.0.0.1", port), Handler) as server:
        receiver.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        try:
            yield receiver
        finally:
            receiver.hold.set()
            server.shutdown()
            thread.join()


@dataclass
class SyslogReceiver:
    port: int = 0
    streams: list[bytearray] = field(default_factory=list)  # one a connection
    held: list[socket.socket] = field(default_factory=list)
    reading: threading.Event = field(default_factory=threading.Event)  # cleared: nothing is read

    def lines(self) -> list[bytes]:
        return [frame for stream in self.streams for frame in whole(bytes(stream))]

    def texts(self) -> list[bytes]:
        return [frame.partition(b" - - ")[2].removesuffix(b"\n") for frame in self.lines()]

    def hang_up(self) -> None:
        for held in self.held:
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
            held.close()


def whole(data: bytes) -> list[bytes]:
    """The complete frames of a stream that may end in the middle of one."""
    found, position = [], 0
    while (blank := data.find(b" ", position)) >= 0:
        end = blank + 1 + int(data[position:blank])
        if end > len(data):
            break
        found.append(data[blank + 1 : end])
        position = end
    return found


@contextlib.contextmanager
def syslog_receiver(context: ssl.SSLContext | None = None, port: int = 0) -> Iterator[SyslogReceiver]:
    receiver = SyslogReceiver()
    receiver.reading.set()
    opened = socket.create_server(("127.0.0.1", port))
    receiver.port = opened.getsockname()[1]

    def read(held: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if context:
                held = context.wrap_socket(held, server_side=True)
            stream = bytearray()
            receiver.streams.append(stream)
            receiver.held.append(held)
            receiver.reading.wait(30)
            while data := held.recv(65536):
                stream += data
                receiver.reading.wait(30)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                held, _ = opened.accept()
                threading.Thread(target=read, args=[held], daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.reading.set()
        with contextlib.suppress(OSError):
            opened.shutdown(socket.SHUT_RDWR)
        opened.close()
        receiver.hang_up()
        thread.join(5)
