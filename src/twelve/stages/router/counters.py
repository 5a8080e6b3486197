"""What HAProxy counts of each app's requests, kept over its restarts and over processes that come and go.

A slot's own row counts every request on a process of it, whichever; what went by way of `waiting` is told there again.
"""

import threading
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from twelve.core.model.metrics import CLASSES, NO_STATUS, Requests
from twelve.stages.router.admin import Admin
from twelve.stages.router.commands import WAITING
from twelve.stages.router.routes import Route

KEPT_UP = 10.0  # seconds
SERVERS_AND_SUM = "6 -1"  # types backend and server, all of them

Counts = dict[str, int]  # by class of status


@dataclass(frozen=True, slots=True)
class Row:
    """Of one server of a slot, or of all."""

    counts: Counts
    open: int


class Counters:
    """Every method may be called from any thread, but `keep_up` from one only."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin
        self._lock = threading.Lock()
        self._seen: dict[str, Counts] = {}  # slot -> its last row
        self._totals: dict[str, Counts] = {}  # app -> sum of what came between rows
        self._unread: set[str] = set()
        self._next = 0.0

    def read(self, routes: Mapping[str, Route]) -> dict[str, Requests]:
        """By app. While HAProxy does not answer: the last totals, and nobody knows how many requests are open."""
        with self._lock:
            slots = [slot for route in routes.values() for slot in _counted_slots(route)]
            try:
                answers = self._admin.ask([_show(slot) for slot in slots])
            except OSError:
                return {app: Requests(dict(self._totals.get(app, {}))) for app in routes}
            found = {slot: rows(answer) for slot, answer in zip(slots, answers, strict=True)}
            return {app: self._counted(route, found) for app, route in routes.items()}

    def keep_up(self, routes: Mapping[str, Route], busy: Collection[str]) -> None:
        """Read those that had requests, now and then: that much is lost when HAProxy dies."""
        self._unread.update(busy)
        if self._unread and time.monotonic() >= self._next:
            self._next = time.monotonic() + KEPT_UP
            self.read({app: routes[app] for app in self._unread if app in routes})
            self._unread.clear()

    def begin(self, route: Route) -> None:
        """The slot is an app's from now on; what it served for an earlier one is not this one's."""
        with self._lock:
            self._totals.pop(route.app, None)
        self.claim([route.slot])

    def claim(self, slots: Iterable[str]) -> None:
        """What these have served so far is nobody's any more."""
        with self._lock:
            for slot in slots:
                try:
                    (answer,) = self._admin.ask([_show(slot)])
                except OSError:
                    self._seen.pop(slot, None)  # a fresh HAProxy begins with nothing
                else:
                    self._seen[slot] = _own(rows(answer))

    def end(self, app: str) -> None:
        with self._lock:
            self._totals.pop(app, None)

    def restarted(self) -> None:
        """HAProxy counts from zero again."""
        with self._lock:
            self._seen.clear()

    def _counted(self, route: Route, found: Mapping[str, Mapping[str, Row]]) -> Requests:
        total, opened = self._totals.setdefault(route.app, {}), 0
        for slot in _counted_slots(route):
            now, before = _own(found[slot]), self._seen.get(slot, {})
            for kind, count in now.items():
                total[kind] = total.get(kind, 0) + max(0, count - before.get(kind, 0))
            self._seen[slot] = {kind: max(count, before.get(kind, 0)) for kind, count in now.items()}
            opened += _open(found[slot])
        return Requests(dict(total), opened, _processes(route, found))


def _counted_slots(route: Route) -> list[str]:
    """Without the shadow's: copies are nobody's requests."""
    return [pool.slot for pool in route.pools.values() if pool.waits]


def _show(slot: str) -> str:
    return f"show stat {slot} {SERVERS_AND_SUM}"


def rows(answer: str) -> dict[str, Row]:
    """From `show stat`: by server; the sum of all, those already deleted too, is "BACKEND"."""
    names, found = [], {}
    for line in answer.splitlines():
        cells = line.removeprefix("# ").split(",")
        if line.startswith("#"):
            names = cells
        elif len(cells) == len(names):
            row = dict(zip(names, cells, strict=True))
            found[row["svname"]] = _row(row)
    return found


def _row(row: Mapping[str, str]) -> Row:
    counts = {kind: _number(row[f"hrsp_{kind}"]) for kind in CLASSES} | {NO_STATUS: _number(row["hrsp_other"])}
    return Row(counts, _number(row["scur"]) + _number(row["qcur"]))


def _own(found: Mapping[str, Row]) -> Counts:
    """A slot's requests without those it handed on to be held: they come back, or get a page.

    A server counts when an answer begins, and all of a slot when it ends, so the difference may dip for a moment.
    """
    whole = found["BACKEND"].counts if "BACKEND" in found else {}
    handed_on = found[WAITING].counts if WAITING in found else {}
    return {kind: max(0, count - handed_on.get(kind, 0)) for kind, count in whole.items()}


def _open(found: Mapping[str, Row]) -> int:
    whole = found["BACKEND"].open if "BACKEND" in found else 0
    return max(0, whole - (found[WAITING].open if WAITING in found else 0))


def _processes(route: Route, found: Mapping[str, Mapping[str, Row]]) -> dict[UUID, Requests]:
    known = ((server.id, found.get(slot, {}).get(server.label)) for slot, server in route.placed)
    return {process: Requests(row.counts, row.open) for process, row in known if row}


def _number(cell: str) -> int:
    return int(cell) if cell else 0
