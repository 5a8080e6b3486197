"""One drain at work: a thread of its own between a buffer the hub fills and a receiver that may be slow or dead."""

import logging
import ssl
import threading
from collections.abc import Sequence
from typing import Protocol

from twelve.core.formats import drain_url
from twelve.core.formats.syslog import Message
from twelve.core.model import Drain
from twelve.core.policy import codes
from twelve.core.policy import drain as policy
from twelve.core.policy.drain import NONE, Losses
from twelve.stages.logs.drains.buffer import Buffer
from twelve.stages.logs.drains.connection import Connection, Refused
from twelve.stages.logs.drains.https import HttpDelivery, Logplex
from twelve.stages.logs.drains.syslog import SyslogDelivery
from twelve.stages.logs.hub import LogHub

log = logging.getLogger(__name__)

LOGPLEX = "logplex"  # the process whose lines are about the log stream itself
ABORT_GRACE = 1.0


class Delivery(Protocol):
    def deliver(self, messages: Sequence[Message], losses: Losses) -> Losses: ...


def _delivery(connection: Connection, drain: Drain, app: str, version: str) -> Delivery:
    if connection.url.is_otlp:
        from twelve.stages.logs.drains.otlp import Otlp  # noqa: PLC0415 - what few use costs nobody else anything

        return HttpDelivery(connection, Otlp(app, version))
    if connection.url.is_http:
        return HttpDelivery(connection, Logplex(drain.token, version))
    return SyslogDelivery(connection, drain.token)


class Sender:
    """`start` once; `close` gives the receiver some seconds to take what is left, then ends for certain."""

    def __init__(
        self, drain: Drain, app: str, hub: LogHub, version: str, *, context: ssl.SSLContext | None = None
    ) -> None:
        url = drain_url.parse(drain.url)
        self._app = app
        self._hub = hub
        self._mark = str(drain.id)
        self._origin = url.origin
        self._buffer = Buffer()
        self._closing = threading.Event()
        self._told: str | None = None
        self._connection = Connection(url, self._closing, context=context, trouble=self._tell)
        self._delivery = _delivery(self._connection, drain, app, version)
        self._thread = threading.Thread(target=self._run, name=f"drain {drain.id}", daemon=True)

    def start(self) -> None:
        self._hub.follow(self._app, self._buffer, self._mark)
        self._thread.start()

    def end(self) -> None:
        """Nothing new; what is buffered goes out if the receiver is there."""
        self._hub.unfollow(self._app, self._buffer)
        self._closing.set()
        self._buffer.end()

    def close(self, patience: float) -> None:
        self.end()
        self._thread.join(patience)
        if self._thread.is_alive():
            self._connection.abort()
            self._thread.join(ABORT_GRACE)

    def forget(self) -> None:
        """The drain is removed: nobody goes on where this one ends."""
        self._hub.unmark(self._app, self._mark)

    def _run(self) -> None:
        try:
            self._work()
        except Exception:  # one drain's trouble must not silence the others
            log.exception("The drain to %s ended", self._origin)
        finally:
            self._hub.unfollow(self._app, self._buffer)
            self._connection.close()

    def _work(self) -> None:
        losses = NONE
        while True:
            if not self._buffer.wait(policy.IDLE_TIMEOUT):
                if self._buffer.ended:
                    return
                self._connection.close()
            elif self._connection.ensure() is None:  # only then taken: until it is there, the buffer keeps the newest
                return
            else:
                self._told = None
                batch = self._buffer.take(policy.FRAME_BYTES)
                losses = self._delivery.deliver(batch.messages, losses + batch.losses)
                if not (losses.count and self._closing.is_set()):  # the next server sends what we have no time for
                    self._hub.mark(self._app, self._mark, batch.reached)

    def _tell(self, error: OSError) -> None:
        """Once for each kind of trouble, until it is over: these lines are drained themselves."""
        if isinstance(error, ssl.SSLCertVerificationError):
            text = codes.text("L14", error=error.verify_message or "bad certificate", uri=self._origin)
        elif isinstance(error, Refused):
            text = f"Drain {self._origin} gets nothing: {error}"
        else:
            return
        if text != self._told:
            self._told = text
            self._hub.write(self._app, LOGPLEX, text)
