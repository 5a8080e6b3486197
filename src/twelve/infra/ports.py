"""Which loopback port each server of this platform listens on: chosen once, kept on record, replaced when taken."""

import json
import os
import random
import socket
import threading
from collections.abc import Collection
from pathlib import Path

from twelve.core.errors import CorruptState, PortTaken

LOWEST, HIGHEST = 10_000, 65_000
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
TRIES = 1000


_lock = threading.Lock()  # one for all: several parts of a platform keep the same record


class Ports:
    """Chosen at random, so that two platforms on one machine hardly ever come upon the same port at the same time."""

    def __init__(self, record: Path) -> None:
        self._record = record

    def current(self, name: str) -> int:
        """The port on record; a new one when there is none yet."""
        with _lock:
            return self._read().get(name) or self._choose(name)

    def free(self, name: str) -> int:
        """The port on record when nobody listens on it, else a new one. Asked just before a server starts."""
        with _lock:
            port = self._read().get(name)
            return port if port and is_free(port) else self._choose(name)

    def forget(self, name: str) -> None:
        with _lock:
            ports = self._read()
            if ports.pop(name, None):
                self._write(ports)

    def _choose(self, name: str) -> int:
        ports = self._read()
        port = any_free(ports.values())
        self._write({**ports, name: port})
        return port

    def _read(self) -> dict[str, int]:
        try:
            found = json.loads(self._record.read_text())
            return {str(name): int(port) for name, port in found.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, AttributeError, TypeError):
            raise CorruptState(
                f"{self._record} is damaged.", hint="Remove it: the servers get new ports at the next start."
            ) from None

    def _write(self, ports: dict[str, int]) -> None:
        temporary = self._record.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            json.dump(ports, out, indent=1)
        temporary.replace(self._record)


def any_free(but: Collection[int] = ()) -> int:
    for port in random.SystemRandom().sample(candidates(), TRIES):
        if port not in but and is_free(port):
            return port
    raise PortTaken("No free port was found.", hint="Too many programs listen on this machine.")


def candidates() -> range:
    """The larger side of the range that the kernel gives to outgoing connections."""
    low, high = _ephemeral()
    below, above = range(LOWEST, min(low, HIGHEST)), range(max(high + 1, LOWEST), HIGHEST)
    chosen = max(below, above, key=len)
    return chosen if len(chosen) >= TRIES else range(LOWEST, HIGHEST)


def is_free(port: int) -> bool:
    """Nobody listens there; old connections that still linger do not count, as servers do not mind them."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _ephemeral() -> tuple[int, int]:
    try:
        low, high = EPHEMERAL.read_text().split()
        return int(low), int(high)
    except (OSError, ValueError):
        return 32768, 60999
