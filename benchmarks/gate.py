"""Where benchmarked children report: each opens a connection, says when it is ready, and its end closes it.

The kernel tells of both at once, for every supervisor alike, so nobody has to look through /proc meanwhile.
"""

import select
import socket
import time


class Gate:
    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self._epoll = select.epoll()
        self._epoll.register(self._listener, select.EPOLLIN)
        self._open: dict[int, socket.socket] = {}
        self.ready = 0
        self.ended = 0

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def wait_ready(self, count: int, seconds: float = 60) -> float:
        """Gives the moment at which the last of them had reported."""
        return self._wait(lambda: self.ready >= count, f"{count} ready", seconds)

    def wait_ended(self, count: int, seconds: float = 90) -> float:
        return self._wait(lambda: self.ended >= count, f"{count} ended", seconds)

    def release(self) -> None:
        """Those that wait for a line go on."""
        for connection in self._open.values():
            connection.sendall(b"go\n")

    def again(self) -> None:
        self.ready = self.ended = 0

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()
        self._listener.close()
        self._epoll.close()

    def _wait(self, done, what, seconds):
        deadline = time.perf_counter() + seconds
        while not done():
            left = deadline - time.perf_counter()
            if left <= 0:
                raise TimeoutError(f"{what}: not within {seconds} s ({self.ready} ready, {self.ended} ended)")
            for descriptor, _ in self._epoll.poll(left):
                self._serve(descriptor)
        return time.perf_counter()

    def _serve(self, descriptor):
        if descriptor == self._listener.fileno():
            connection, _ = self._listener.accept()
            connection.setblocking(False)
            self._open[connection.fileno()] = connection
            self._epoll.register(connection, select.EPOLLIN)
            return
        try:
            data = self._open[descriptor].recv(4096)
        except ConnectionResetError:
            data = b""
        self.ready += data.count(b"\n")
        if not data:
            self.ended += 1
            self._epoll.unregister(descriptor)
            self._open.pop(descriptor).close()
