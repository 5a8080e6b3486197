"""Measures the apps that are autoscaled, asks core/policy/autoscale.py and does what it says.

Its thread sleeps while no app is autoscaled, until `scale` says that one is.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

from twelve.core.errors import NotFound, TwelveError
from twelve.core.model import App, FormationEntry
from twelve.core.model.metrics import Latency, Requests
from twelve.core.policy import autoscale, latency
from twelve.core.policy.autoscale import Decision, Pace, Sample
from twelve.core.policy.rollout import place_of
from twelve.flow.keep import WEB
from twelve.flow.platform import Platform
from twelve.flow.scale import scale_by_itself

log = logging.getLogger(__name__)

NAME = "autoscaler"
MANY = 1000  # samples that are remembered of an app, at most


@dataclass(slots=True)
class Watched:
    """What is known of one app. `seen`: release and quantity; a change of them, by anybody, starts the rest anew."""

    seen: tuple[object, ...]
    changed: float
    latency: Latency
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=MANY))


class Autoscaler:
    def __init__(
        self, platform: Platform, pace: Pace | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._platform = platform
        self._pace = pace or Pace()
        self._clock = clock
        self._watched: dict[UUID, Watched] = {}
        self._acting: set[UUID] = set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=NAME, daemon=True)

    def start(self) -> None:
        self._platform.autoscale_changed.set()
        self._thread.start()

    def close(self) -> None:
        """No more changes; one that is under way ends by itself, like a deploy."""
        self._closing.set()
        self._platform.autoscale_changed.set()
        if self._thread.is_alive():
            self._thread.join()

    def tick(self) -> int:
        """Look at every autoscaled app once; gives how many there are."""
        entries = [entry for entry in self._platform.formations.autoscaled() if entry.type == WEB]
        for gone in self._watched.keys() - {entry.app_id for entry in entries}:
            del self._watched[gone]
        for entry in entries:
            try:
                self._look_after(entry)
            except NotFound:  # the app has been destroyed meanwhile
                self._watched.pop(entry.app_id, None)
        return len(entries)

    def _run(self) -> None:
        changed = self._platform.autoscale_changed
        while not self._closing.is_set():
            changed.wait()
            changed.clear()
            while not self._closing.is_set() and self._some():
                changed.clear()
                self._closing.wait(self._pace.sample)

    def _some(self) -> bool:
        try:
            return self.tick() > 0
        except Exception:
            log.exception("Autoscaling looks again in %g s", self._pace.sample)
            return True

    def _look_after(self, entry: FormationEntry) -> None:
        app = self._platform.apps.get(entry.app_id)
        wish = entry.autoscale
        if wish is None or app.stopped or app.maintenance or app.current_release is None:
            self._watched.pop(app.id, None)
            return
        now = self._clock()
        watched = self._measured(app, entry, now)
        decision = autoscale.decide(tuple(watched.samples), now, entry.quantity, wish, watched.changed, self._pace)
        if decision.quantity != entry.quantity and app.id not in self._acting and not self._closing.is_set():
            self._acting.add(app.id)
            act = threading.Thread(
                target=self._act, args=(app, entry, decision), name=f"{NAME} {app.name}", daemon=True
            )
            act.start()

    def _measured(self, app: App, entry: FormationEntry, now: float) -> Watched:
        """With a sample of the time since the last look. A first look only begins one."""
        whole, seen = self._platform.traffic.latency(app.name), (app.current_release, entry.quantity, entry.autoscale)
        watched = self._watched.get(app.id)
        if watched is None:
            watched = self._watched[app.id] = Watched(seen, now, whole)
            return watched
        if watched.seen != seen:
            watched.seen, watched.changed = seen, max(now, watched.changed)
        took = latency.since(whole, watched.latency)
        served = self._platform.router.requests(app.name).get(app.name)
        opened = self._open_at_the_control(app, served) if served else None
        watched.latency = whole
        watched.samples.append(Sample(now, entry.quantity, took.count, latency.quantile(took, 0.95), opened))
        self._forget_old(watched, now)
        return watched

    def _open_at_the_control(self, app: App, served: Requests) -> int | None:
        """A rollout's treatments have as many processes as their weight asks for, whatever they are busy with."""
        others = [one.id for one in self._platform.engine.processes(app.id) if place_of(one.number)]
        elsewhere = sum(served.processes[one].open or 0 for one in others if one in served.processes)
        return None if served.open is None else max(0, served.open - elsewhere)

    def _forget_old(self, watched: Watched, now: float) -> None:
        while watched.samples[0].at < now - self._pace.quiet - 2 * self._pace.sample:
            watched.samples.popleft()

    def _act(self, app: App, entry: FormationEntry, decision: Decision) -> None:
        """What was measured before its end says nothing; what has just failed would soon fail again."""
        pause = 0.0
        try:
            scale_by_itself(self._platform, app, replace(entry, quantity=decision.quantity), decision.reason)
        except TwelveError as error:
            pause = self._pace.step
            text = f"Autoscale to {entry.type}@{decision.quantity} ({decision.reason}) failed: {error}"
            self._platform.logs.write(app.name, "api", text, source="app")
        except Exception:
            pause = self._pace.step
            log.exception("autoscaling %s", app.name)
        if watched := self._watched.get(app.id):
            watched.changed = self._clock() + pause
        self._acting.discard(app.id)
