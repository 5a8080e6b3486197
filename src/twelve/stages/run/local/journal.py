"""What happens to processes, written behind them: the latest word on each, many at once.

While the database is away it is kept, and written when it is back.
"""

import builtins
import logging
import threading
from collections.abc import Iterable, Sequence
from typing import Protocol
from uuid import UUID

from twelve.core.errors import TwelveError
from twelve.stages.run.processes import ProcessRecord

log = logging.getLogger(__name__)

RETRY = 0.5  # seconds
GATHER = 0.05  # seconds, so that many changes are one transaction


class Records(Protocol):
    def insert(self, records: Sequence[ProcessRecord]) -> None: ...
    def update(self, records: Sequence[ProcessRecord]) -> None: ...
    def delete(self, ids: Iterable[UUID]) -> None: ...
    def own(self) -> builtins.list[ProcessRecord]: ...
    def list(self, app_id: UUID | None = None) -> list[ProcessRecord]: ...


class Journal:
    """`note` and `forget` never block. An own thread writes; the order between processes does not matter."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._pending: dict[UUID, ProcessRecord | None] = {}
        self._change = threading.Condition()
        self._awaited = threading.Event()
        self._writing = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="process journal", daemon=True)
        self._thread.start()

    def note(self, record: ProcessRecord) -> None:
        self._put(record.id, record)

    def forget(self, process: UUID) -> None:
        self._put(process, None)

    def flush(self, timeout: float = 5.0) -> None:
        """Until everything noted so far is written, or the time is over."""
        with self._change:
            if self._pending:
                self._awaited.set()
            self._change.wait_for(lambda: not self._pending and not self._writing, timeout)

    def close(self) -> None:
        self.flush()
        with self._change:
            self._closing = True
            self._change.notify_all()
        self._thread.join()

    def _put(self, process: UUID, record: ProcessRecord | None) -> None:
        with self._change:
            self._pending[process] = record
            self._change.notify_all()

    def _run(self) -> None:
        while (batch := self._next()) is not None:
            try:
                self._write(batch)
            except TwelveError as error:
                log.warning("the state of %d processes is not on record yet: %s", len(batch), error)
                self._put_back(batch)

    def _next(self) -> dict[UUID, ProcessRecord | None] | None:
        with self._change:
            self._writing = False
            self._change.notify_all()
            self._change.wait_for(lambda: self._pending or self._closing)
            if self._closing:
                return None
        self._awaited.wait(GATHER)
        with self._change:
            self._awaited.clear()
            batch, self._pending = self._pending, {}
            self._writing = True
            return batch

    def _write(self, batch: dict[UUID, ProcessRecord | None]) -> None:
        changed = [record for record in batch.values() if record is not None]
        ended = [process for process, record in batch.items() if record is None]
        if changed:
            self._records.update(changed)
        if ended:
            self._records.delete(ended)

    def _put_back(self, batch: dict[UUID, ProcessRecord | None]) -> None:
        with self._change:
            self._pending = batch | self._pending
            self._change.wait_for(lambda: self._closing, RETRY)
