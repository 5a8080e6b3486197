"""A router without a network, for tests of what drives one: it keeps the routes and says what a request would meet."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from twelve.core.model.metrics import Requests
from twelve.core.ports import Backend, PlatformProcess
from twelve.stages.router.routes import Route


class MemoryRouter:
    """core.ports.Router. `open_requests` is for tests to set."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.open_requests: dict[UUID, int] = {}

    def set_hosts(self, app: str, hosts: Sequence[str]) -> None:
        self.routes[app] = self._route(app).with_hosts(hosts)

    def set_mode(self, app: str, mode: str) -> None:
        self.routes[app] = self._route(app).with_mode(mode)

    def switch(self, app: str, ready: Sequence[Backend], drain: Sequence[UUID] = ()) -> None:
        self.routes[app] = self._route(app).switched(ready, drain, taken=())

    def in_flight(self, app: str, backend: UUID) -> int:
        known = {server.id for server in self.routes[app].servers} if app in self.routes else set()
        return self.open_requests.get(backend, 0) if backend in known else 0

    def remove(self, app: str, backend: UUID) -> None:
        if app in self.routes:
            self.routes[app] = self.routes[app].without(backend)

    def forget(self, app: str) -> None:
        self.routes.pop(app, None)

    def known(self) -> dict[str, set[UUID]]:
        return {app: {server.id for server in route.servers} for app, route in self.routes.items()}

    def requests(self, app: str | None = None) -> Mapping[str, Requests]:
        """Nobody counts."""
        return {name: Requests() for name in self.routes if app in {None, name}}

    def processes(self) -> list[PlatformProcess]:
        return []

    def answer(self, host: str) -> str:
        """What a request for `host` would meet: "serving", a mode, or "unknown"."""
        return next((route.answer for route in self.routes.values() if host.lower() in route.hosts), "unknown")

    def ready(self, app: str) -> set[UUID]:
        """Who would get it."""
        return {server.id for server in self.routes[app].servers if server.ready} if app in self.routes else set()

    def _route(self, app: str) -> Route:
        return self.routes.get(app) or Route(app, slot=app)
