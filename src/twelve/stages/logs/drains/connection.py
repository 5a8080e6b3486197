"""The way to one receiver: opened when there is something to say, again with growing delays, closed when idle."""

import contextlib
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from twelve.core.formats.drain_url import DrainUrl
from twelve.core.policy import drain as policy


class Refused(OSError):
    """An address nothing is sent to."""


class Connection:
    """Used by its sender's thread; only `abort` may be called by another one."""

    def __init__(
        self,
        url: DrainUrl,
        closing: threading.Event,
        *,
        context: ssl.SSLContext | None = None,
        trouble: Callable[[OSError], None] = lambda _error: None,
    ) -> None:
        self.url = url
        self._closing = closing
        self._context = context
        self._trouble = trouble
        self._socket: socket.socket | None = None
        self._failures = 0
        self._aborted = False

    def ensure(self) -> socket.socket | None:
        """An open connection, however long it takes; None when the drain closes and the receiver is not there."""
        if self._socket and is_gone(self._socket):
            self.close()
        while self._socket is None:
            try:
                self._socket = self._opened()
            except OSError as error:  # refused, timed out, unknown, a wrong certificate
                self._trouble(error)
                if not self.pause():
                    return None
        return None if self._aborted else self._socket

    def worked(self) -> None:
        self._failures = 0

    def pause(self) -> bool:
        """After a failure: wait before the next try. False when the drain closes: then there is none."""
        self._failures += 1
        step = 1 + secrets.randbelow(policy.highest_step(self._failures))
        return not self._closing.wait(policy.delay(step))

    def close(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None

    def abort(self) -> None:
        """Whoever waits for the receiver stops waiting."""
        self._aborted = True
        if held := self._socket:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(held, socket.SHUT_RDWR)  # not TLS's own: that one waits for an answer

    def _opened(self) -> socket.socket:
        deadline = time.monotonic() + policy.CONNECT_TIMEOUT
        plain = _reached(self.url, deadline)
        if not self.url.is_encrypted:
            return plain
        if self._context is None:  # made once: reading the machine's certificates takes a while
            self._context = ssl.create_default_context()
        try:
            plain.settimeout(_left(deadline))
            return self._context.wrap_socket(plain, server_hostname=self.url.host)
        except (OSError, ValueError) as error:
            plain.close()
            raise error if isinstance(error, OSError) else OSError(str(error)) from error


def is_gone(held: socket.socket) -> bool:
    """Whether the receiver has closed it meanwhile. What a receiver says unasked is passed over."""
    held.settimeout(0)
    try:
        return not held.recv(4096)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True


def _reached(url: DrainUrl, deadline: float) -> socket.socket:
    """Resolved once: the address that was judged is the one that is used."""
    last = OSError("no address")
    for family, address in _addresses(url):
        found = socket.socket(family, socket.SOCK_STREAM)
        try:
            found.settimeout(_left(deadline))
            found.connect(address)
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            found.close()
            last = error
        else:
            return found
    raise last


def _addresses(url: DrainUrl) -> Iterator[tuple[socket.AddressFamily, tuple[object, ...]]]:
    try:
        found = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that no name can have
        raise OSError(str(error)) from error
    for family, _, _, _, address in found:
        reason = policy.refusal(ip_address(str(address[0])))
        if reason:
            raise Refused(f"{url.host} has {reason} address")
        yield family, address


def _left(deadline: float) -> float:
    return max(0.01, deadline - time.monotonic())
