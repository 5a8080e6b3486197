"""Ends of processes, from the engine's thread to the one that puts them on record."""

import contextlib
import logging
import queue
from collections.abc import Callable

from twelve.core.errors import TwelveError
from twelve.core.ports import Engine, ProcessEvent

log = logging.getLogger(__name__)


class Ends:
    """Hears from its construction on, so that ends seen while processes are adopted are not lost.

    `wanted` says whose exits count; `record` puts one on record, or raises, and is then asked again.
    """

    def __init__(
        self, engine: Engine, wanted: Callable[[ProcessEvent], bool], record: Callable[[ProcessEvent], None]
    ) -> None:
        self._wanted = wanted
        self._record = record
        self._heard: queue.SimpleQueue[ProcessEvent | None] = queue.SimpleQueue()
        engine.subscribe(self._hear)

    def settle(self) -> bool:
        """Put every end heard of so far on record; False while the database is away."""
        with contextlib.suppress(queue.Empty):
            while True:
                event = self._heard.get_nowait()
                if event is not None and not self._settled(event):
                    return False
        return True

    def wait(self, seconds: float) -> None:
        """Until one is heard of, or somebody wakes us."""
        with contextlib.suppress(queue.Empty):
            self._heard.put(self._heard.get(timeout=seconds))

    def wake(self) -> None:
        self._heard.put(None)

    def _settled(self, event: ProcessEvent) -> bool:
        try:
            self._record(event)
        except TwelveError as error:
            self._heard.put(event)
            log.warning("the end of %s is not on record yet: %s", event.process.name, error)
            return False
        return True

    def _hear(self, event: ProcessEvent) -> None:
        if event.kind == "exited" and self._wanted(event):
            self._heard.put(event)
