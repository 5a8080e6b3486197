"""What the front door should do for one app, as a value; every operation of the port makes a new one.

The room in order: routes -> commands (what to say) -> admin (says it) and config (the same, as files for a start).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from twelve.core.ports import Backend

SERVING = "serving"


@dataclass(frozen=True, slots=True)
class Server:
    """A process as HAProxy knows it. `label` is its name, with a ":" behind it for each older one of that name."""

    id: UUID
    label: str
    port: int
    ready: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """An app's place behind the front door. `slot` is its backend there, `mode` what the platform said of it."""

    app: str
    slot: str
    hosts: tuple[str, ...] = ()
    mode: str = "blank"
    servers: tuple[Server, ...] = ()

    @property
    def answer(self) -> str:
        """What a request meets: "serving", or why it does not."""
        if self.mode == "maintenance":
            return self.mode
        if any(server.ready for server in self.servers):
            return SERVING
        return "hold" if self.mode == SERVING else self.mode

    def with_hosts(self, hosts: Sequence[str]) -> "Route":
        return replace(self, hosts=tuple(dict.fromkeys(host.lower() for host in hosts)))

    def with_mode(self, mode: str) -> "Route":
        return replace(self, mode=mode)

    def switched(self, ready: Sequence[Backend], drain: Collection[UUID], taken: Collection[str]) -> "Route":
        """`taken` are labels of this slot that are still in use for servers on their way out."""
        addresses = {(backend.id, backend.port) for backend in ready}
        fresh = {backend.id for backend in ready}
        kept = [
            replace(server, ready=server.id not in drain and (server.ready or server.id in fresh))
            for server in self.servers
            if server.id not in fresh or (server.id, server.port) in addresses
        ]
        known = {server.id for server in kept}
        for backend in ready:
            if backend.id not in known:
                label = _label(backend.name, {*taken, *(server.label for server in (*kept, *self.servers))})
                kept.append(Server(backend.id, label, backend.port))
        return replace(self, servers=tuple(kept))

    def without(self, backend: UUID) -> "Route":
        return replace(self, servers=tuple(server for server in self.servers if server.id != backend))


def _label(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += ":"
    return name
