"""What to say to HAProxy to get from one route to another, and how to read what it says about itself. Pure.

Its maps, by their keys:
  hosts   host -> backend, asked for every request: the app's slot, or "waiting" when the app does not serve
  slots   host -> slot      modes  slot -> answer      asked behind "waiting" only
  apps    slot -> app       ids    slot/label -> UUID  asked by the next server only, to adopt this HAProxy
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from twelve.stages.router.routes import SERVING, Route, Server

WAITING = "waiting"
MAPS = ("hosts", "slots", "modes", "apps", "ids")
FORCED_MAINTENANCE = 0x01  # bits of srv_admin_state
FORCED_DRAIN = 0x08

# HAProxy runs inside its own directory and knows files by names that hold no blank and no comma, wherever that is;
# commands must use exactly those names. Only sockets it wants by an absolute path.
ADMIN_SOCKET = "/proc/self/cwd/admin.sock"
WAITING_SOCKET = "/proc/self/cwd/waiting.sock"
WAITING_SERVER = f"unix@{WAITING_SOCKET} send-proxy-v2 backup"  # takes an app's requests when no process of it can


@dataclass(frozen=True, slots=True)
class Changer:
    """Commands from `old` to `new`: new servers take traffic, then hosts move, then old servers take no more."""

    old: Route | None
    new: Route | None

    def commands(self) -> list[str]:
        return [*self._claim(), *self._servers_in(), *self._answers(), *self._servers_out(), *self._give_up()]

    @property
    def leaving(self) -> list[str]:
        """The servers, slot/label, that may be deleted once nobody is connected to them."""
        old = self.old
        return [f"{old.slot}/{label}" for label in _labels(old) if label not in _labels(self.new)] if old else []

    def _claim(self) -> Iterator[str]:
        if self.new and not self.old:
            yield _map("add", "apps", self.new.slot, self.new.app)
            yield _map("add", "modes", self.new.slot, self.new.answer)
            yield f"add server {self.new.slot}/{WAITING} {WAITING_SERVER}"
            yield f"set server {self.new.slot}/{WAITING} state ready"

    def _servers_in(self) -> Iterator[str]:
        if not self.new:
            return
        before = _labels(self.old)
        for server in self.new.servers:
            place = f"{self.new.slot}/{server.label}"
            if server.label not in before:
                yield _map("add", "ids", place, str(server.id))
                yield f"add server {place} 127.0.0.1:{server.port}"
            elif server.port != before[server.label].port:
                yield _map("set", "ids", place, str(server.id))
                yield f"set server {place} addr 127.0.0.1 port {server.port}"
            if server.ready and not (server.label in before and before[server.label].ready):
                yield f"set server {place} state ready"

    def _answers(self) -> Iterator[str]:
        old, new = _targets(self.old), _targets(self.new)
        if self.new and self.old and self.new.answer != self.old.answer:
            yield _map("set", "modes", self.new.slot, self.new.answer)
        for host, (slot, target) in new.items():
            if host not in old:
                yield _map("add", "slots", host, slot)
                yield _map("add", "hosts", host, target)
            elif old[host][1] != target:
                yield _map("set", "hosts", host, target)
        for host in old.keys() - new.keys():
            yield f"del map {map_file('hosts')} {host}"
            yield f"del map {map_file('slots')} {host}"

    def _servers_out(self) -> Iterator[str]:
        if not self.old:
            return
        after = _labels(self.new)
        for server in self.old.servers:
            place = f"{self.old.slot}/{server.label}"
            if server.label not in after:
                yield f"del map {map_file('ids')} {place}"
                yield f"set server {place} state maint"
            elif server.ready and not after[server.label].ready:
                yield f"set server {place} state drain"

    def _give_up(self) -> Iterator[str]:
        if self.old and not self.new:
            yield f"del map {map_file('modes')} {self.old.slot}"
            yield f"del map {map_file('apps')} {self.old.slot}"


def _map(verb: str, name: str, key: str, value: str) -> str:
    return f"{verb} map {map_file(name)} {key} {value}"


def map_file(name: str) -> str:
    return f"{name}.map"


def map_contents(routes: Iterable[Route]) -> dict[str, dict[str, str]]:
    """What the maps hold for these routes."""
    maps: dict[str, dict[str, str]] = {name: {} for name in MAPS}
    for route in routes:
        maps["apps"][route.slot] = route.app
        maps["modes"][route.slot] = route.answer
        for host, (slot, target) in _targets(route).items():
            maps["slots"][host], maps["hosts"][host] = slot, target
        for server in route.servers:
            maps["ids"][f"{route.slot}/{server.label}"] = str(server.id)
    return maps


def _labels(route: Route | None) -> dict[str, Server]:
    return {server.label: server for server in route.servers} if route else {}


def _targets(route: Route | None) -> dict[str, tuple[str, str]]:
    if not route:
        return {}
    target = route.slot if route.answer == SERVING else WAITING
    return dict.fromkeys(route.hosts, (route.slot, target))


@dataclass(frozen=True, slots=True)
class Found:
    """What a running HAProxy holds."""

    routes: Mapping[str, Route] = field(default_factory=dict)
    leaving: frozenset[str] = frozenset()


READ_COMMANDS = (*(f"show map {map_file(name)}" for name in MAPS), "show servers state")


def understand(answers: list[str]) -> Found:
    """The answers to READ_COMMANDS, in that order, turned back into routes."""
    hosts, slots, modes, apps, ids = (_map_entries(answer) for answer in answers[: len(MAPS)])
    servers: dict[str, list[Server]] = {slot: [] for slot in apps}
    leaving = set()
    for slot, label, port, admin in _servers(answers[len(MAPS)]):
        place = f"{slot}/{label}"
        if WAITING in {label, slot}:
            continue
        if slot in apps and place in ids and not admin & FORCED_MAINTENANCE:
            servers[slot].append(Server(UUID(ids[place]), label, port, ready=not admin & FORCED_DRAIN))
        else:
            leaving.add(place)
    routes = {}
    for slot, app in apps.items():
        names = tuple(host for host, place in slots.items() if place == slot and host in hosts)
        routes[app] = Route(app, slot, names, modes.get(slot, "blank"), tuple(servers[slot]))
    return Found(routes, frozenset(leaving))


def connections(answer: str) -> dict[str, int]:
    """From `show servers conn`: connections in use, by slot/label."""
    return {row["bkname/svname"]: int(row["used_cur"]) for row in _table(answer) if "used_cur" in row}


def info(answer: str) -> dict[str, str]:
    pairs = (line.partition(": ") for line in answer.splitlines())
    return {key: value for key, _, value in pairs}


def _map_entries(answer: str) -> dict[str, str]:
    rows = (line.split(" ", 2) for line in answer.splitlines() if line.startswith("0x"))
    return {row[1]: row[2] for row in rows if len(row) == 3}


def _servers(answer: str) -> Iterator[tuple[str, str, int, int]]:
    for row in _table(answer):
        yield row["be_name"], row["srv_name"], int(row["srv_port"]), int(row["srv_admin_state"])


def _table(answer: str) -> Iterator[dict[str, str]]:
    names: list[str] = []
    for line in answer.splitlines():
        if line.startswith("#"):
            names = line.removeprefix("#").split()
        elif names and line.strip():
            yield dict(zip(names, line.split(), strict=False))
