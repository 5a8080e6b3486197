"""The sign of life of a holder: a thread that renews its lease until the block ends."""

import logging
import threading
from types import TracebackType
from typing import Self

from twelve_runtime.idempotency.effect import Effect
from twelve_runtime.idempotency.store import Store

logger = logging.getLogger(__name__)


class Heartbeat:
    """Three beats a lease. A process that is killed or stands still stops beating, and that is the point."""

    def __init__(self, store: Store, effect: Effect, lease: float) -> None:
        self._store = store
        self._effect = effect
        self._lease = lease
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease of {effect.key[:40]}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._over.set()

    def stop(self) -> None:
        """No beat comes after this."""
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(self._lease / 3):
            try:
                kept = self._store.renew(self._effect.key, self._effect.token, self._lease)
            except Exception:  # of whichever driver: the store may be back at the next beat
                logger.warning("The lease of a key could not be renewed.", exc_info=True)
                continue
            if not kept:
                self._effect.lost = not self._over.is_set()
                return
