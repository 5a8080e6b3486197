"""What to say to HAProxy to get from one route to another, and how to read what it says about itself. Pure.

Its maps, by their keys, besides those of splits.py:
  hosts   host -> backend, asked for every request: the app's slot, or "waiting" when the app does not serve
  slots   host -> slot      modes  slot -> answer      asked behind "waiting" only
  apps    slot -> app       ids    slot/label -> UUID  asked by the next server only, to adopt this HAProxy
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from twelve.core.model.app import PREVIEW
from twelve.stages.router import splits
from twelve.stages.router.routes import SERVING, Pool, Route, Server

WAITING = "waiting"
MAPS = ("hosts", "slots", "modes", "apps", "ids", "splits", "alloc", "arms")
FORCED_MAINTENANCE = 0x01  # bits of srv_admin_state
FORCED_DRAIN = 0x08

# HAProxy runs inside its own directory and knows files by names that hold no blank and no comma, wherever that is;
# commands must use exactly those names. Only sockets it wants by an absolute path.
ADMIN_SOCKET = "/proc/self/cwd/admin.sock"
WAITING_SOCKET = "/proc/self/cwd/waiting.sock"
SHADOW_SOCKET = "/proc/self/cwd/shadow.sock"
WAITING_SERVER = f"unix@{WAITING_SOCKET} send-proxy-v2 backup"  # takes an app's requests when no process of it can


@dataclass(frozen=True, slots=True)
class Changer:
    """Commands from `old` to `new`: new servers take traffic, then hosts move, then old servers take no more."""

    old: Route | None
    new: Route | None

    def commands(self) -> list[str]:
        return [
            *self._claim(),
            *self._servers_in(),
            *self._more("alloc"),
            *self._answers(),
            *self._more("splits"),
            *self._fewer("splits"),
            *self._hosts_out(),
            *self._servers_out(),
            *self._fewer("alloc"),
            *self._give_up(),
        ]

    @property
    def leaving(self) -> list[str]:
        """The servers, slot/label, that may be deleted once nobody is connected to them."""
        after = _labels(self.new)
        return [place for place in _labels(self.old) if place not in after]

    def _claim(self) -> Iterator[str]:
        """Slots, for the app or for treatments of it."""
        before = _pools(self.old)
        yield from self._more("arms")
        for slot, pool in _pools(self.new).items():
            if slot not in before:
                if self.new and not pool.owner:
                    yield _map("add", "apps", slot, self.new.app)
                yield _map("add", "modes", slot, pool.answer)
                if pool.waits:
                    yield f"add server {slot}/{WAITING} {WAITING_SERVER}"
                    yield f"set server {slot}/{WAITING} state ready"

    def _servers_in(self) -> Iterator[str]:
        before = _labels(self.old)
        for place, server in _labels(self.new).items():
            if place not in before:
                yield _map("add", "ids", place, str(server.id))
                yield f"add server {place} 127.0.0.1:{server.port}"
            elif server.port != before[place].port:
                yield _map("set", "ids", place, str(server.id))
                yield f"set server {place} addr 127.0.0.1 port {server.port}"
            if server.ready and not (place in before and before[place].ready):
                yield f"set server {place} state ready"

    def _answers(self) -> Iterator[str]:
        before = _pools(self.old)
        for slot, pool in _pools(self.new).items():
            if slot in before and pool.answer != before[slot].answer:
                yield _map("set", "modes", slot, pool.answer)
        yield from self._more("slots")
        yield from self._more("hosts")

    def _hosts_out(self) -> Iterator[str]:
        yield from self._fewer("hosts")
        yield from self._fewer("slots")

    def _servers_out(self) -> Iterator[str]:
        after = _labels(self.new)
        for place, server in _labels(self.old).items():
            if place not in after:
                yield f"del map {map_file('ids')} {place}"
                yield f"set server {place} state maint"
            elif server.ready and not after[place].ready:
                yield f"set server {place} state drain"

    def _give_up(self) -> Iterator[str]:
        """A slot keeps its way to `waiting`: who has it next finds it there."""
        yield from self._fewer("arms")
        after = _pools(self.new)
        for slot, pool in _pools(self.old).items():
            if slot not in after:
                yield f"del map {map_file('modes')} {slot}"
                if not pool.owner:
                    yield f"del map {map_file('apps')} {slot}"

    def _more(self, name: str) -> Iterator[str]:
        """What is new in a map, or other than it was."""
        before = _entries(self.old, name)
        for key, value in _entries(self.new, name).items():
            if key not in before:
                yield _map("add", name, key, value)
            elif before[key] != value:
                yield _map("set", name, key, value)

    def _fewer(self, name: str) -> Iterator[str]:
        after = _entries(self.new, name)
        return (f"del map {map_file(name)} {key}" for key in _entries(self.old, name) if key not in after)


def _map(verb: str, name: str, key: str, value: str) -> str:
    return f"{verb} map {map_file(name)} {key} {value}"


def map_file(name: str) -> str:
    return f"{name}.map"


def map_contents(routes: Iterable[Route]) -> dict[str, dict[str, str]]:
    """What the maps hold for these routes."""
    maps: dict[str, dict[str, str]] = {name: {} for name in MAPS}
    for route in routes:
        maps["apps"][route.slot] = route.app
        for pool in route.pools.values():
            maps["modes"][pool.slot] = pool.answer
            for server in pool.servers:
                maps["ids"][f"{pool.slot}/{server.label}"] = str(server.id)
        for name in ("hosts", "slots", "splits", "alloc", "arms"):
            maps[name] |= _entries(route, name)
    return maps


def _pools(route: Route | None) -> dict[str, Pool]:
    return route.pools if route else {}


def _labels(route: Route | None) -> dict[str, Server]:
    """By slot/label."""
    return {f"{slot}/{server.label}": server for slot, server in route.placed} if route else {}


def _entries(route: Route | None, name: str) -> dict[str, str]:
    """An app's part of a map."""
    if not route:
        return {}
    split = route.split
    match name:
        case "hosts":
            return _targets(route)
        case "slots":
            return dict.fromkeys(route.hosts, route.slot) | {host: pool.slot for host, pool in _shown(route).items()}
        case "splits":
            return route.splits
        case "alloc":
            return split.alloc if split else {}
        case _:
            return split.arm_entries(route.slot) if split else {}


def _targets(route: Route) -> dict[str, str]:
    """Where each host leads, those by which the splitting itself asks among them."""
    hosts = dict.fromkeys(route.hosts, _target(route.slot, route.answer))
    previews = {host: _target(pool.slot, pool.answer) for host, pool in _shown(route).items()}
    return hosts | previews | {arm.key: arm.slot for arm in route.arms if not arm.is_shadow}


def _shown(route: Route) -> dict[str, Pool]:
    """Previews that somebody answers, be it with a page."""
    return {host: pool for host, pool in route.previews.items() if pool.waits or pool.answer == SERVING}


def _target(slot: str, answer: str) -> str:
    return slot if answer == SERVING else WAITING


@dataclass(frozen=True, slots=True)
class Found:
    """What a running HAProxy holds."""

    routes: Mapping[str, Route] = field(default_factory=dict)
    leaving: frozenset[str] = frozenset()


READ_COMMANDS = (*(f"show map {map_file(name)}" for name in MAPS), "show servers state")


def understand(answers: list[str]) -> Found:
    """The answers to READ_COMMANDS, in that order, turned back into routes."""
    maps = {name: _map_entries(answer) for name, answer in zip(MAPS, answers, strict=False)}
    apps, ids = maps["apps"], maps["ids"]
    servers: dict[str, list[Server]] = {slot: [] for slot in (*apps, *maps["arms"])}
    leaving = set()
    for slot, label, port, admin in _servers(answers[len(MAPS)]):
        place = f"{slot}/{label}"
        if WAITING in {label, slot}:
            continue
        if slot in servers and place in ids and not admin & FORCED_MAINTENANCE:
            servers[slot].append(Server(UUID(ids[place]), label, port, ready=not admin & FORCED_DRAIN))
        else:
            leaving.add(place)
    divided = splits.understand(maps["arms"], maps["alloc"], servers)
    routes = {
        app: Route(
            app, slot, _hosts(maps, slot), maps["modes"].get(slot, "blank"), tuple(servers[slot]), divided.get(slot)
        )
        for slot, app in apps.items()
    }
    return Found(routes, frozenset(leaving))


def _hosts(maps: Mapping[str, Mapping[str, str]], slot: str) -> tuple[str, ...]:
    return tuple(
        host
        for host, place in maps["slots"].items()
        if place == slot and host in maps["hosts"] and not PREVIEW.match(host)
    )


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
