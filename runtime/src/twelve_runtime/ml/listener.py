"""The socket a server listens on, opened once and shared by its processes."""

import socket

BACKLOG = 2048


def listen(port: int, host: str = "0.0.0.0") -> socket.socket:  # noqa: S104 - the platform's front door is outside
    """IPPROTO_TCP by name: asyncio switches Nagle's delay off only where it reads it, 44 ms an answer otherwise."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    listener.set_inheritable(True)
    return listener
