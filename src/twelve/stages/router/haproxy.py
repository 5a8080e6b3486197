"""The front door: HAProxy, told over its admin socket what changes, and never reloaded.

An operation makes a new Route, and what differs from the old one is said in one batch. When HAProxy has died it begins
again with all routes in its files; when we have died the next server reads the routes back out of the running HAProxy.
"""

import hashlib
import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from twelve.core.errors import RouterError
from twelve.core.model.metrics import Requests
from twelve.core.model.rollout import Rollout
from twelve.core.policy import codes
from twelve.core.ports import Backend, PlatformProcess, RequestMeter
from twelve.infra import components
from twelve.infra.daemons import Daemon
from twelve.infra.settings import Settings
from twelve.stages.router.admin import Admin
from twelve.stages.router.commands import ADMIN_SOCKET, READ_COMMANDS, Changer, connections, info, understand
from twelve.stages.router.config import LIFE, FrontDoor, arm_names, render, slot_names
from twelve.stages.router.counters import Counters
from twelve.stages.router.lines import LineStream, RouterLines
from twelve.stages.router.listeners import binds, connections_allowed, require_free
from twelve.stages.router.routes import Route
from twelve.stages.router.splits import Split
from twelve.stages.router.succession import Sockets

LOOPBACKS = ("127.0.0.1", "::1")
TICK = 0.5
PATIENCE, PAUSE = 5.0, 0.02  # with a front door that does not take orders
MOST_THREADS = 4
ADMIN, HEIR = "admin.sock", "heir.sock"


def threads_for(cores: int) -> int:
    """The other half is the apps'. Threads meet at the one pipe for lines: who waits too long there drops his."""
    return max(1, min(MOST_THREADS, cores // 2))


class HaproxyRouter:
    """core.ports.Router. `start` before anything else; `stop` ends HAProxy, `release` leaves it to the next server."""

    def __init__(
        self,
        settings: Settings,
        logs: LineStream,
        meter: RequestMeter | None = None,
        *,
        hold: float = 75,
        first_byte_timeout: float = 30,
    ) -> None:
        self._directory = settings.run / "router"
        self._admin = Admin(self._directory / ADMIN)
        self._door = FrontDoor(
            binds=binds(settings.router_port),
            port=settings.router_port,
            threads=threads_for(len(os.sched_getaffinity(0))),
            max_connections=connections_allowed(),
            hold=hold,
            first_byte_timeout=first_byte_timeout,
        )
        self._logs = logs
        self._routes: Mapping[str, Route] = {}  # replaced as a whole: read without the lock
        self._leaving: frozenset[str] = frozenset()
        self._last_slot: dict[str, int] = {}
        self._dropped = 0
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._lines = RouterLines(logs, lambda: self._routes, meter)
        self._counters = Counters(self._admin)
        self._minder: threading.Thread | None = None
        self._sockets: Sockets | None = None
        self._daemon = Daemon(
            "haproxy",
            "front door",
            settings.run,
            command=self._command,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC", LIFE: str(uuid4())[9:23]},
            ready=self._is_ready,
            stop_deadline=5,
            output=self._lines.take,
            before_start=self._prepare,
            error=RouterError,
        )

    def start(self) -> None:
        """Adopt the running HAProxy with its routes, or start one. PortTaken when somebody else has the port."""
        with self._lock:
            self._lines.hurry(on=False)
            self._lines.hold()
            try:
                self._daemon.ensure()
                self._remember()
            finally:
                self._lines.hold(on=False)
            if not self._same_rules():
                self._daemon.hand_over()
                self._remember()
        self._ended.clear()
        self._minder = threading.Thread(target=self._mind, name="router-minder", daemon=True)
        self._minder.start()

    def stop(self) -> None:
        self._end_minder()
        self._daemon.stop()
        self._keep(None)
        self._routes, self._leaving = {}, frozenset()

    def give_up(self) -> None:
        """When the platform's start fails elsewhere."""
        self._end_minder()
        self._daemon.give_up()
        self._keep(None)

    def release(self) -> None:
        self._end_minder()
        self._daemon.release()
        self._keep(None)

    def processes(self) -> list[PlatformProcess]:
        process = self._daemon.process()
        return [process] if process else []

    def routes(self) -> Mapping[str, Route]:
        """By app: what HAProxy was told. After `start` this is what an earlier server told it."""
        return self._routes

    def known(self) -> dict[str, set[UUID]]:
        return {app: {server.id for _, server in route.placed} for app, route in self._routes.items()}

    def requests(self, app: str | None = None) -> Mapping[str, Requests]:
        return self._counters.read({name: route for name, route in self._routes.items() if app in {None, name}})

    def apply(self, desired: Mapping[str, Route]) -> None:
        """Make it so, changing only what differs from what HAProxy really holds. Apps not named are forgotten."""
        with self._lock:
            self._routes = dict(desired)
            self._correct()

    def set_hosts(self, app: str, hosts: Sequence[str]) -> None:
        with self._lock:
            self._change(app, self._route(app).with_hosts(hosts))

    def set_mode(self, app: str, mode: str) -> None:
        with self._lock:
            self._change(app, self._route(app).with_mode(mode))

    def switch(self, app: str, ready: Sequence[Backend], drain: Sequence[UUID] = ()) -> None:
        with self._lock:
            route = self._route(app)
            places = (place.partition("/") for place in self._leaving)
            taken = {label for slot, _, label in places if slot in route.pools}
            self._change(app, route.switched(ready, drain, taken))

    def set_rollout(self, app: str, rollout: Rollout | None) -> None:
        with self._lock:
            if rollout is None and app not in self._routes:
                return
            route = self._route(app)
            split = self._split(route, rollout) if rollout else None
            self._counters.claim(arm.slot for arm in (split.arms if split else ()) if arm.slot not in route.pools)
            self._change(app, route.with_split(split))

    def _split(self, route: Route, rollout: Rollout) -> Split:
        """Looking for free slots only where there are new treatments."""
        known = {arm.place for arm in route.arms}
        wanted = len(rollout.variants) - 1 + (rollout.shadow is not None)
        free = self._free(arm_names(self._door.arms), "treatments") if wanted > len(known) else []
        if wanted > len(known) + len(free):
            raise RouterError("The front door has no room for so many treatments.", hint="End another rollout.")
        return Split.of(rollout, route.split, free)

    def in_flight(self, app: str, backend: UUID) -> int:
        route = self._routes.get(app)
        places = {slot: server.label for slot, server in route.placed if server.id == backend} if route else {}
        try:
            answers = self._admin.ask([f"show servers conn {slot}" for slot in places]) if places else []
        except OSError:  # the front door has just died, and every connection with it
            return 0
        found = zip(places.items(), answers, strict=True)
        return sum(connections(answer).get(f"{slot}/{label}", 0) for (slot, label), answer in found)

    def remove(self, app: str, backend: UUID) -> None:
        with self._lock:
            route = self._routes.get(app)
            if route:
                self._change(app, route.without(backend))

    def forget(self, app: str) -> None:
        with self._lock:
            if app in self._routes:
                self._change(app, None)
                self._counters.end(app)

    def _route(self, app: str) -> Route:
        return self._routes.get(app) or Route(app, self._free(slot_names(self._door.slots), "apps")[0])

    def _free(self, names: Sequence[str], what: str) -> list[str]:
        """The one after the last that was given away first: a slot's late log lines must not be another app's."""
        used = {slot for route in self._routes.values() for slot in route.pools}
        used |= {place.partition("/")[0] for place in self._leaving}
        kind = names[0][0]
        last = self._last_slot.get(kind, -1) + 1
        free = [name for name in (*names[last:], *names[:last]) if name not in used]
        if not free:
            raise RouterError(
                f"The front door has room for {len(names)} {what}, and all of it is taken.", hint="End or destroy one."
            )
        self._last_slot[kind] = names.index(free[0])
        return free

    def _change(self, app: str, new: Route | None) -> None:
        old = self._routes.get(app)
        if new == old:
            return
        others = {name: route for name, route in self._routes.items() if name != app}
        self._routes = {**others, app: new} if new else others
        change = Changer(old, new)
        if new and not old:
            self._counters.begin(new)
        try:
            self._admin.tell(change.commands())
        except (OSError, RouterError):  # it has died, or is not what we thought: look, and correct what differs
            self._correct()
        self._leaving |= frozenset(change.leaving)
        self._delete_leaving()

    def _correct(self) -> None:
        """Look what HAProxy holds and correct what differs; it may die again meanwhile."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._daemon.ensure()
                self._correct_once()
                return
            except (OSError, RouterError) as error:
                if time.monotonic() > deadline:
                    raise RouterError(f"The front door does not take orders: {error}") from error
                time.sleep(PAUSE)

    def _correct_once(self) -> None:
        found = understand(self._admin.ask(READ_COMMANDS))
        commands, leaving = [], set(found.leaving)
        for app in {**found.routes, **self._routes}:
            change = Changer(found.routes.get(app), self._routes.get(app))
            commands += change.commands()
            leaving.update(change.leaving)
        self._admin.tell(commands)
        self._leaving = frozenset(leaving)

    def _remember(self) -> None:
        found = understand(self._admin.ask(READ_COMMANDS))
        self._routes, self._leaving = found.routes, found.leaving

    def _delete_leaving(self) -> None:
        """HAProxy deletes a server once nobody is connected to it; until then it is asked again and again."""
        if not self._leaving:
            return
        places = sorted(self._leaving)
        with suppress(OSError):
            answers = self._admin.ask([f"del server {place}" for place in places])
            still = {place for place, answer in zip(places, answers, strict=True) if "still has" in answer}
            self._leaving = frozenset(still)

    def _command(self) -> list[str | Path]:
        """While one runs, the next takes its sockets and bids it finish what is begun; a dead one's we have kept."""
        return [components.haproxy(), "-db", "-C", self._directory, "-f", "haproxy.cfg", *self._succeeding()]

    def _succeeding(self) -> list[str | Path]:
        if before := self._daemon.pid:
            return ["-x", ADMIN_SOCKET, "-sf", str(before)]
        if kept := self._sockets:
            self._sockets = None  # where they do not help, the start after this one goes without
            kept.offer(self._directory / HEIR)
            return ["-x", self._directory / HEIR]
        return []

    def _prepare(self) -> None:
        """Before every start of HAProxy: is the port free, and its files with today's routes."""
        if self._daemon.pid is None:
            if self._sockets is None:
                require_free(self._door.binds)
            self._lines.begin_anew()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in render(self._door, self._routes.values()).items():
            _write(self._directory / name, text)
        _write(self._rules_record, self._rules())
        self._dropped = 0
        self._counters.restarted()

    def _is_ready(self) -> bool:
        """Of one that is, we keep the sockets; one that an older version has begun may not give them."""
        if info(self._admin.ask(["show info"])[0]).get("Pid") != str(self._daemon.pid):
            return False
        with suppress(OSError):
            self._keep(Sockets(self._directory / ADMIN))
        return True

    def _keep(self, sockets: Sockets | None) -> None:
        former, self._sockets = self._sockets, sockets
        if former:
            former.close()

    @property
    def _rules_record(self) -> Path:
        return self._directory / "rules"

    def _rules(self) -> str:
        """Changes with everything a running HAProxy cannot be told: its rules, ports, slots."""
        return hashlib.sha256("".join(render(self._door).values()).encode()).hexdigest()

    def _same_rules(self) -> bool:
        with suppress(OSError):
            return self._rules_record.read_text() == self._rules()
        return False

    def _mind(self) -> None:
        while not self._ended.wait(TICK):
            with suppress(OSError):
                if self._leaving:
                    with self._lock:
                        self._delete_leaving()
                self._tell_dropped()

    def _end_minder(self) -> None:
        self._ended.set()
        self._lines.hurry()
        if self._minder:
            self._minder.join()
            self._minder = None

    def _tell_dropped(self) -> None:
        """HAProxy never waits for a reader of its lines: what it had to drop is counted, and told here."""
        busy, self._lines.busy = self._lines.busy, set()
        self._counters.keep_up(self._routes, busy)
        if not busy:
            return
        dropped = int(info(self._admin.ask(["show info"])[0]).get("DroppedLogs", 0))
        lost, self._dropped = dropped - self._dropped, dropped
        if lost > 0:
            text = codes.text("L13", count=lost, since=datetime.now(UTC).isoformat(timespec="seconds"))
            for app in {*busy, ""}:
                self._logs.write(app, "logplex", text)


def _write(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.chmod(0o600)
    new.replace(path)
