"""Where the front door listens, and how many may come: what this machine allows."""

import resource
import socket
from collections.abc import Sequence

from twelve.core.errors import PortTaken

MOST_CONNECTIONS = 10_000


def binds(port: int) -> tuple[str, ...]:
    """Browsers go to ::1 first for *.localhost, so it is served too where there is one."""
    ipv6 = (f"[::1]:{port} v6only",) if _can_bind("::1", 0) else ()
    return (f"127.0.0.1:{port}", *ipv6)


def connections_allowed() -> int:
    """Each takes two descriptors, its own and the process's."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if hard == resource.RLIM_INFINITY else max(100, min(MOST_CONNECTIONS, (hard - 200) // 2))


def _can_bind(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError:
        return False
    return True


def require_free(addresses: Sequence[str]) -> None:
    for bind in addresses:
        host, _, port = bind.split(" ")[0].rpartition(":")
        if not _can_bind(host.strip("[]"), int(port)):
            raise PortTaken(
                f"Port {port} on {host.strip('[]')} is taken by another program.",
                hint="End it, or set TWELVE_ROUTER_PORT to a free port.",
            )
