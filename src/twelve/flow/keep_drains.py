"""Keep every drain at work: a sender each, from the platform's start until after its last log line."""

import threading
import time
from collections.abc import Iterable
from uuid import UUID

from twelve.core.model import Drain
from twelve.stages.logs.drains.sender import Sender
from twelve.stages.logs.hub import LogHub

REMOVAL_PATIENCE = 1.0  # seconds a receiver gets for what is left
END_PATIENCE = 3.0


class DrainKeeper:
    def __init__(self, hub: LogHub, version: str) -> None:
        self._hub = hub
        self._version = version
        self._senders: dict[UUID, Sender] = {}
        self._lock = threading.Lock()

    def run(self, app: str, drain: Drain) -> None:
        sender = Sender(drain, app, self._hub, self._version)
        with self._lock:
            self._senders[drain.id] = sender
        sender.start()

    def end(self, drains: Iterable[Drain]) -> None:
        with self._lock:
            senders = [sender for drain in drains if (sender := self._senders.pop(drain.id, None))]
        _close(senders, REMOVAL_PATIENCE)
        for sender in senders:
            sender.forget()

    def close(self) -> None:
        with self._lock:
            senders = list(self._senders.values())
            self._senders.clear()
        _close(senders, END_PATIENCE)


def _close(senders: Iterable[Sender], patience: float) -> None:
    """All side by side: a dead receiver takes no time from the others."""
    senders = list(senders)
    for sender in senders:
        sender.end()
    deadline = time.monotonic() + patience
    for sender in senders:
        sender.close(max(0.0, deadline - time.monotonic()))
