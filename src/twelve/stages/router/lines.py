"""What HAProxy prints becomes router lines of the apps. Runs in the thread that reads HAProxy's output."""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from twelve.core.formats import router_line
from twelve.core.ports import RequestMeter
from twelve.stages.router.routes import Route

PLATFORM, KEY = "", "router"  # where the beginning of a line waits for its end, and for the next server
ENOUGH = 1 << 16
PAUSE = 0.02
MOST_HELD = 4 << 20  # several times what the pipe holds


class LineStream(Protocol):
    """Where lines go, many at once: raw ones with the app's `mode`, to be written out once somebody reads them."""

    def publish(
        self,
        app: str,
        source: str,
        process: str,
        stamp: datetime,
        lines: bytes,
        mode: str | None = None,
    ) -> None: ...
    def write(self, app: str, process: str, text: str, *, source: str = "heroku") -> None: ...
    def hold(self, app: str, key: str, beginning: bytes, *, more: bool = False) -> None: ...
    def held(self, app: str, key: str) -> bytes: ...


class RouterLines:
    """`routes` gives today's routes by app. An app that is gone is told about in the platform's own stream."""

    def __init__(
        self, logs: LineStream, routes: Callable[[], Mapping[str, Route]], meter: RequestMeter | None = None
    ) -> None:
        self._logs = logs
        self._routes = routes
        self._meter = meter
        self._carry = logs.held(PLATFORM, KEY)
        self._holding = False
        self._lock = threading.Lock()
        self._hurry = threading.Event()
        self.busy: set[str] = set()  # apps with lines since somebody last looked

    def hurry(self, *, on: bool = True) -> None:
        """Whoever ends the reading waits until all is read."""
        if on:
            self._hurry.set()
        else:
            self._hurry.clear()

    def hold(self, *, on: bool = True) -> None:
        """What comes is kept until it is known whose it is: after a start, what waited in the pipe meanwhile."""
        with self._lock:
            self._holding = on
            if not on:
                self._pass_on(b"")

    def take(self, chunk: bytes) -> None:
        """Then rest a little unless there was a lot: a reader that is not waiting costs HAProxy no wake-up a line."""
        with self._lock:
            if self._holding and len(self._carry) < MOST_HELD:
                self._carry += chunk
            else:
                self._pass_on(chunk)
        if len(chunk) < ENOUGH:
            self._hurry.wait(PAUSE)

    def _pass_on(self, chunk: bytes) -> None:
        data = self._carry + chunk
        end = data.rfind(b"\n") + 1
        if end:
            self._publish(data[:end])
        self._hold(data[end:])

    def begin_anew(self) -> None:
        """Another HAProxy prints from now on: nobody ends the line that the one before began."""
        with self._lock:
            self._hold(b"")

    def _hold(self, beginning: bytes) -> None:
        if beginning or self._carry:
            self._logs.hold(PLATFORM, KEY, beginning)
        self._carry = beginning

    def _publish(self, lines: bytes) -> None:
        """What a request met depends on the app's mode now, so that goes along."""
        routes = self._routes()
        apps = {slot: app for app, route in routes.items() for slot in route.pools}
        now = datetime.now(UTC)
        for slot, raw in router_line.sort(lines).items():
            app = apps.get(slot, "")
            mode = routes[app].answer if app else ""
            self._logs.publish(app, "heroku", "router", now, raw, mode)
            self.busy.add(app)
            if app and self._meter:
                self._meter.observe(app, raw)
