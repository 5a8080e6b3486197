"""A router without a network, for tests of what drives one: it keeps the routes and says what a request would meet."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from twelve.core.model.metrics import Requests
from twelve.core.model.rollout import Rollout
from twelve.core.policy.assign import bucket
from twelve.core.ports import Backend, PlatformProcess
from twelve.stages.router.routes import Route
from twelve.stages.router.splits import Split


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

    def set_rollout(self, app: str, rollout: Rollout | None) -> None:
        if rollout is None and app not in self.routes:
            return
        route = self._route(app)
        slots = [f"{app}-{number}" for number in range(len(rollout.variants) + 1 if rollout else 0)]
        self.routes[app] = route.with_split(Split.of(rollout, route.split, slots) if rollout else None)

    def in_flight(self, app: str, backend: UUID) -> int:
        known = self.known().get(app, set())
        return self.open_requests.get(backend, 0) if backend in known else 0

    def remove(self, app: str, backend: UUID) -> None:
        if app in self.routes:
            self.routes[app] = self.routes[app].without(backend)

    def forget(self, app: str) -> None:
        self.routes.pop(app, None)

    def known(self) -> dict[str, set[UUID]]:
        return {app: {server.id for _, server in route.placed} for app, route in self.routes.items()}

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

    def assigned(self, host: str, unit: str) -> set[UUID]:
        """Who would get a request of that unit for `host`."""
        route = next(route for route in self.routes.values() if host.lower() in route.hosts)
        if not route.splits or route.split is None:
            return self.ready(route.app)
        number = bucket(route.split.salt, unit)
        arm = next((arm for arm in route.arms if any(first <= number <= last for first, last in arm.ranges)), None)
        chosen = {server.id for server in arm.servers if server.ready} if arm else set()
        return chosen or self.ready(route.app)

    def _route(self, app: str) -> Route:
        return self.routes.get(app) or Route(app, slot=app)
