"""What the front door should do for one app, as a value; every operation of the port makes a new one.

The room in order: routes (and splits) -> commands (what to say) -> admin (says it) and config (the same, as files for a
start).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from twelve.core.policy.rollout import place_of
from twelve.core.ports import Backend
from twelve.stages.router.splits import Arm, Server, Split, preview

__all__ = ["SERVING", "Pool", "Route", "Server"]

SERVING = "serving"
NO_REQUESTS = {"maintenance", "none", "blank"}  # modes in which treatments get none either


@dataclass(frozen=True, slots=True)
class Pool:
    """A slot of HAProxy and what is in it. `owner` is the app's own slot, in which nothing is said of it."""

    slot: str
    answer: str
    servers: tuple[Server, ...]
    owner: str = ""
    waits: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """An app's place behind the front door. `slot` is its backend there, `mode` what the platform said of it."""

    app: str
    slot: str
    hosts: tuple[str, ...] = ()
    mode: str = "blank"
    servers: tuple[Server, ...] = ()
    split: Split | None = None

    @property
    def answer(self) -> str:
        """What a request meets: "serving", or why it does not."""
        if self.mode == "maintenance":
            return self.mode
        if any(server.ready for server in self.servers):
            return SERVING
        return "hold" if self.mode == SERVING else self.mode

    @property
    def arms(self) -> tuple[Arm, ...]:
        return self.split.arms if self.split else ()

    @property
    def pools(self) -> dict[str, Pool]:
        """By slot, its own first."""
        own = Pool(self.slot, self.answer, self.servers)
        others = [
            Pool(arm.slot, self._answer_of(arm), arm.servers, self.slot, waits=not arm.is_shadow) for arm in self.arms
        ]
        return {pool.slot: pool for pool in (own, *others)}

    @property
    def placed(self) -> Iterator[tuple[str, Server]]:
        """Every server with its slot."""
        return ((pool.slot, server) for pool in self.pools.values() for server in pool.servers)

    @property
    def previews(self) -> dict[str, Pool]:
        """Hosts that lead to one variant alone."""
        if not self.split or not self.hosts:
            return {}
        pools = self.pools
        named = {preview(self.hosts[0], arm.release): pools[arm.slot] for arm in self.arms}
        return {preview(self.hosts[0], self.split.release): pools[self.slot]} | named

    @property
    def splits(self) -> dict[str, str]:
        """By host, while requests are dealt out."""
        split = self.split
        if split is None or not split.is_open or self.mode in NO_REQUESTS:
            return {}
        shadow = next((preview(self.hosts[0], arm.release) for arm in self.arms if arm.is_shadow and arm.is_ready), "")
        return dict.fromkeys(self.hosts, f"{split.entry}|{shadow}")

    def _answer_of(self, arm: Arm) -> str:
        if self.mode == "maintenance":
            return self.mode
        return SERVING if arm.is_ready else "crashed"

    def with_hosts(self, hosts: Sequence[str]) -> "Route":
        return replace(self, hosts=tuple(dict.fromkeys(host.lower() for host in hosts)))

    def with_mode(self, mode: str) -> "Route":
        return replace(self, mode=mode)

    def with_split(self, split: Split | None) -> "Route":
        return replace(self, split=split)

    def switched(self, ready: Sequence[Backend], drain: Collection[UUID], taken: Collection[str]) -> "Route":
        """`taken` are labels that are still in use for servers on their way out. Each process goes to its variant."""
        of = {arm.place: [one for one in ready if _place(one) == arm.place] for arm in self.arms}
        own = [one for one in ready if not _place(one)]
        split = self.split
        if split is not None:
            arms = (replace(arm, servers=_switched(arm.servers, of[arm.place], drain, taken)) for arm in split.arms)
            split = replace(split, arms=tuple(arms))
        return replace(self, servers=_switched(self.servers, own, drain, taken), split=split)

    def without(self, backend: UUID) -> "Route":
        split = self.split
        if split is not None:
            arms = (replace(arm, servers=_without(arm.servers, backend)) for arm in split.arms)
            split = replace(split, arms=tuple(arms))
        return replace(self, servers=_without(self.servers, backend), split=split)


def _place(backend: Backend) -> int:
    """Which variant a process belongs to, 0 for the control: its number says it."""
    number = backend.name.rpartition(".")[2]
    return place_of(int(number)) if number.isdecimal() else 0


def _switched(
    servers: Sequence[Server], ready: Sequence[Backend], drain: Collection[UUID], taken: Collection[str]
) -> tuple[Server, ...]:
    addresses = {(backend.id, backend.port) for backend in ready}
    fresh = {backend.id for backend in ready}
    kept = [
        replace(server, ready=server.id not in drain and (server.ready or server.id in fresh))
        for server in servers
        if server.id not in fresh or (server.id, server.port) in addresses
    ]
    known = {server.id for server in kept}
    for backend in ready:
        if backend.id not in known:
            label = _label(backend.name, {*taken, *(server.label for server in (*kept, *servers))})
            kept.append(Server(backend.id, label, backend.port))
    return tuple(kept)


def _without(servers: Sequence[Server], backend: UUID) -> tuple[Server, ...]:
    return tuple(server for server in servers if server.id != backend)


def _label(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += ":"
    return name
