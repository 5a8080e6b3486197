"""How often processes were started again after an exit of their own, from what the engine tells."""

import threading
from uuid import UUID

from twelve.core.ports import ProcessEvent


class Restarts:
    """Counted by app and place of the formation, since the server started. `observe` does not block."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[UUID, dict[str, int]] = {}

    def observe(self, event: ProcessEvent) -> None:
        if event.kind != "exited" or event.delay is None:
            return
        process = event.process
        with self._lock:
            places = self._counts.setdefault(process.app_id, {})
            places[process.name] = places.get(process.name, 0) + 1

    def of(self, app_id: UUID) -> dict[str, int]:
        with self._lock:
            return dict(self._counts.get(app_id, {}))

    def forget(self, app_id: UUID) -> None:
        with self._lock:
            self._counts.pop(app_id, None)
