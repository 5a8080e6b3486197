"""Keep the front door true: what the engine tells about processes becomes what the router does about requests."""

import queue
import threading
from collections.abc import Callable, Iterable
from uuid import UUID

from twelve.core.model import App, FormationEntry, Process, ProcessState
from twelve.core.policy import front_door
from twelve.core.policy.rollout import place_of
from twelve.core.ports import Backend, Engine, ProcessEvent, Router

WEB = "web"


class Keeper:
    """Knows which web processes are in service; only those go back into the router when they come up again.

    A process under a changeover is not in service before the switch, however healthy it is.
    """

    def __init__(
        self,
        engine: Engine,
        router: Router,
        find_app: Callable[[UUID], App],
        formation: Callable[[UUID], list[FormationEntry]],
    ) -> None:
        self._engine = engine
        self._router = router
        self._find_app = find_app
        self._formation = formation
        self._in_service: set[UUID] = set()
        self._unready: set[UUID] = set()
        self._in_need: set[UUID] = set()
        self._events: queue.SimpleQueue[ProcessEvent | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        self._engine.subscribe(self._events.put)
        self._thread.start()

    def close(self) -> None:
        self._events.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def switch(self, app: App, ready: Iterable[Process], drain: Iterable[Process]) -> None:
        """The switch of a changeover: `ready` takes every new request from now on, `drain` none."""
        fresh = [_backend(process) for process in ready]
        old = [process.id for process in drain]
        with self._lock:
            able = [backend for backend in fresh if backend.id not in self._unready]
            self._router.switch(app.name, able, old)
            self._in_service.update(backend.id for backend in fresh)
            self._in_service.difference_update(old)
            self._drop_the_dead(app, {backend.id for backend in fresh})
        self.refresh(app)

    def take_over(self, app: App, adopted: Iterable[Process], leaving: Iterable[Process]) -> None:
        """Web processes of an earlier server: those that are up serve, the others will once they come up again.

        Those that are `leaving` get no new requests, and keep their open ones.
        """
        with self._lock:
            self._in_service.update(process.id for process in adopted)
            web = [process for process in self._engine.processes(app.id) if process.id in self._in_service]
            up = [process for process in web if is_up(process)]
            drain = {process.id for process in leaving}
            self._router.switch(app.name, [_backend(process) for process in up], list(drain))
            for gone in self._router.known().get(app.name, set()) - {process.id for process in up} - drain:
                self._router.remove(app.name, gone)
        self.refresh(app)

    def expect_help(self, app_id: UUID) -> None:
        """An earlier release is about to take over: until `help_came`, requests wait, whatever has crashed."""
        self._in_need.add(app_id)

    def help_came(self, app_id: UUID) -> None:
        """Or did not come."""
        self._in_need.discard(app_id)

    def refresh(self, app: App) -> None:
        """Tell the router what to answer while nothing is ready."""
        web = [one for one in self._engine.processes(app.id) if one.type == WEB and not place_of(one.number)]
        in_service = [process.state for process in web if process.id in self._in_service]
        quantity = sum(entry.quantity for entry in self._formation(app.id) if entry.type == WEB)
        mode = front_door.mode(
            maintenance=app.maintenance,
            released=app.current_release is not None or bool(web),
            web_quantity=0 if app.stopped else quantity,
            states=in_service,
            help_comes=app.id in self._in_need,
        )
        self._router.set_mode(app.name, mode)

    def _drop_the_dead(self, app: App, fresh: set[UUID]) -> None:
        """One may have died between its health check and the switch, when nobody listened for its end."""
        up = {process.id for process in self._engine.processes(app.id) if is_up(process)}
        for dead in fresh - up:
            self._router.remove(app.name, dead)

    def _run(self) -> None:
        while (event := self._events.get()) is not None:
            if event.process.type != WEB:
                continue
            self._note_readiness(event)
            if event.process.id in self._in_service:
                self._follow(event)

    def _note_readiness(self, event: ProcessEvent) -> None:
        with self._lock:
            if event.kind == "unready":
                self._unready.add(event.process.id)
            else:
                self._unready.discard(event.process.id)

    def _follow(self, event: ProcessEvent) -> None:
        process = event.process
        with self._lock:
            if event.kind in {"up", "ready"}:
                self._router.switch(process.app, [_backend(process)])
            elif event.kind == "unready":
                self._router.switch(process.app, [], [process.id])
            elif event.kind in {"exited", "gone"}:
                self._router.remove(process.app, process.id)
            if event.kind == "gone":
                self._in_service.discard(process.id)
        if not starts_at_once(event):  # until it does, requests wait: nobody is to hear of a crash that is over
            self.refresh(self._find_app(process.app_id))


def starts_at_once(event: ProcessEvent) -> bool:
    return event.kind == "exited" and event.delay == 0


def is_up(process: Process) -> bool:
    return process.state == ProcessState.UP


def _backend(process: Process) -> Backend:
    if process.port is None:
        raise ValueError(f"{process.name} has no port")
    return Backend(process.id, process.name, process.port)
