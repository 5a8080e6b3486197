"""Factor IX: told to stop, a process takes nothing new, finishes what it has in hand, closes what it opened, and ends.

SIGTERM ─▶ stopping ─▶ what is in hand ends ─▶ resources close, the last opened first ─▶ exit
           └──────────────────────────── within `grace` seconds, or the process ends itself
"""

import atexit
import contextlib
import faulthandler
import inspect
import logging
import os
import select
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType
from typing import Any, Self

from twelve_runtime._serving import ASGIApp, AsgiLifecycle, WSGIApp, WsgiLifecycle
from twelve_runtime.redaction import mask

SLICE = 0.5  # seconds
GRACE = 25.0  # seconds; platforms send SIGKILL after 30
RESERVE = 0.2  # of the grace, for closing
STDERR = 2

log = logging.getLogger(__name__)
Closer = Callable[[], object]


class Lifecycle:
    """Turns SIGTERM and SIGINT into a flag. Made in the main thread, once a process, after the fork of a server.

    lifecycle = Lifecycle()
    while not lifecycle.stopping:
        do_one_job()
        lifecycle.sleep(1)

    A handler that a server has installed before is called as well. Where a server installs its own, or the process has
    no main thread to spare, `signals=False` leaves signals alone. `grace` bounds the time from signal to end.
    """

    def __init__(self, grace: float = GRACE, *, signals: bool = True) -> None:
        self.stopping = False
        self.grace = grace
        # A pipe, not threading.Event: a handler that runs while the same thread holds the event's lock would hang.
        self._told, self._tell = os.pipe()
        os.set_blocking(self._tell, False)
        self._told_at = 0.0
        self._process = os.getpid()
        self._closers: list[tuple[str, Closer]] = []
        self._in_hand = 0
        self._idle = threading.Condition()
        self._before: dict[int, Any] = {}
        self._ending = False
        if signals:
            self._listen()
        atexit.register(self.close)

    def sleep(self, seconds: float) -> bool:
        """Returns early, with False, when the process is told to stop; any thread may sleep."""
        deadline = time.monotonic() + seconds
        poll = select.poll()
        poll.register(self._told, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0:
            # In slices: a signal that comes just before poll begins does not interrupt it.
            if poll.poll(min(left, SLICE) * 1000):
                return False
        return not self.stopping

    async def asleep(self, seconds: float) -> bool:
        """The same in a loop of asyncio."""
        import asyncio  # noqa: PLC0415 - who is here has loaded it; others start sooner without

        deadline = time.monotonic() + seconds
        while not self.stopping and (left := deadline - time.monotonic()) > 0:  # noqa: ASYNC110 - set by a handler
            await asyncio.sleep(min(left, SLICE / 5))
        return not self.stopping

    def wait(self) -> None:
        """Until the process is told to stop: for a main thread whose others do the work."""
        while self.sleep(3600):
            pass

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Around one piece of work in a thread or task: what is in hand is waited for before anything is closed."""
        with self._idle:
            self._in_hand += 1
        try:
            yield
        finally:
            with self._idle:
                self._in_hand -= 1
                self._idle.notify_all()

    def on_close(self, name: str, close: Closer) -> None:
        """Closed at the end, the last one first; coroutine functions by `aclose` only."""
        self._closers.append((name, close))

    def stop(self) -> None:
        """As if the process had been told to; from anywhere, also from a handler."""
        if not self.stopping:
            self._told_at = time.monotonic()
            self.stopping = True
            with contextlib.suppress(BlockingIOError):
                os.write(self._tell, b"!")

    def close(self) -> None:
        """Waits for what is in hand and closes; at the latest the interpreter does it as it ends. Again: nothing."""
        if os.getpid() != self._process:
            return  # a fork's copy: what was opened belongs to the parent
        self.stop()
        if self._closers or self._in_hand:
            with self._deadline():
                self._wait_until_idle()
                for name, close in self._take_closers():
                    _close(name, close)

    async def aclose(self) -> None:
        """The same in a loop of asyncio, whose own resources are awaited."""
        import asyncio  # noqa: PLC0415 - the same

        self.stop()
        if self._closers or self._in_hand:
            with self._deadline():
                await asyncio.to_thread(self._wait_until_idle)
                for name, close in self._take_closers():
                    await _aclose(name, close)

    def asgi(self, app: ASGIApp) -> ASGIApp:
        """Around an ASGI app: requests are what is in hand, the server's shutdown closes."""
        return AsgiLifecycle(self, app)

    def wsgi(self, app: WSGIApp) -> WSGIApp:
        """Around a WSGI app: requests are what is in hand; the end of the process closes."""
        return WsgiLifecycle(self, app)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _listen(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("A Lifecycle is made in the main thread, or with signals=False where a server has them.")
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._signalled)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        """May run between any two instructions of the main thread: takes no lock, logs nothing."""
        before = self._before.get(number)
        self.stop()
        if callable(before) and before is not signal.default_int_handler:
            before(number, frame)  # a server's: it decides how requests end
            return
        # Platforms repeat SIGTERM, and an ending interpreter no longer handles it; a second Ctrl-C is a person's.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self._ending = True
        self._arm()

    def _arm(self) -> None:
        """A thread below the interpreter ends the process at the deadline, whatever hangs, and prints where."""
        left = self._told_at + self.grace - time.monotonic()
        faulthandler.dump_traceback_later(max(left, 0.1), exit=True, file=STDERR)

    @contextlib.contextmanager
    def _deadline(self) -> Iterator[None]:
        self._arm()
        try:
            yield
        finally:
            if not self._ending:  # after a signal the deadline is for the process, also for what comes after closing
                faulthandler.cancel_dump_traceback_later()

    def _wait_until_idle(self) -> None:
        until = self._told_at + self.grace * (1 - RESERVE)
        with self._idle:
            self._idle.wait_for(lambda: self._in_hand == 0, max(0.0, until - time.monotonic()))
            left = self._in_hand
        if left:
            log.error("%s of what was in hand did not end within %g s", left, self.grace * (1 - RESERVE))

    def _take_closers(self) -> list[tuple[str, Closer]]:
        """Each is closed by one caller only."""
        taken, self._closers = self._closers, []
        return taken[::-1]


def _close(name: str, close: Closer) -> None:
    if inspect.iscoroutinefunction(close):
        log.error("%s was not closed: it belongs to a loop of asyncio, and needs `await lifecycle.aclose()`", name)
        return
    try:
        close()
    except Exception as error:  # noqa: BLE001 - whatever one does, the others are closed too
        _complain(name, error)


async def _aclose(name: str, close: Closer) -> None:
    import asyncio  # noqa: PLC0415 - the same

    try:
        closed = close() if inspect.iscoroutinefunction(close) else await asyncio.to_thread(close)
        if isinstance(closed, Awaitable):
            await closed
    except Exception as error:  # noqa: BLE001 - the same
        _complain(name, error)


def _complain(name: str, error: Exception) -> None:
    log.error("closing %s failed: %s: %s", name, type(error).__name__, mask(str(error)))
