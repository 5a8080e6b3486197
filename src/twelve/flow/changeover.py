"""The second half of a deploy: boot beside the old, wait until healthy, switch, drain, stop.

          start      healthy      switch                    drained
    new  ──┬───────────┬────────────╪═══════ serves ════════════════▶
    old  ══╪══ serves ═╪════════════╪── drain ────────────────┬─ TERM ─ grace ─ KILL
                                    └ the command returns here

Deploys, config changes, rollbacks, restarts and scaling are all this, with other processes on either side.
"""

import threading
import time
from collections.abc import Iterable, Sequence

from twelve.core.errors import BootCrash, BootTimeout, RunError
from twelve.core.model import App, Process, ProcessSpec
from twelve.core.policy.formation import batches, is_exclusive
from twelve.core.ports import BootResult, Progress
from twelve.flow.keep import WEB, is_up
from twelve.flow.platform import Platform

DRAIN_POLL = 0.02  # seconds
DRAIN_TIMEOUT = 30.0


class Changeover:
    """`new` are started, `old` are stopped once the new ones serve; when a new one fails, all of `new` are stopped.

    `urgent`, for a release that has served before: web processes take over as soon as they are healthy, without waiting
    for the others; should one of those fail, the old web processes, which still run, take the requests back.
    """

    def __init__(
        self,
        platform: Platform,
        app: App,
        new: Sequence[ProcessSpec],
        old: Sequence[Process],
        progress: Progress,
        *,
        urgent: bool = False,
    ) -> None:
        self._platform = platform
        self._app = app
        self._new = new
        self._old = list(old)
        self._progress = progress
        self._urgent = urgent
        self._switched = False
        self._stopped_early: list[Process] = []

    def run(self) -> None:
        """Returns when the new processes serve; the old ones then end in the background."""
        self._announce()
        try:
            self._boot_web()
            self._boot_others()
        except BaseException:
            self._take_back()
            raise
        if not self._switched:
            self._switch()
        self._retire()

    def _announce(self) -> None:
        for process in filter(self._is_replaced, self._old):
            self._platform.logs.write(self._app.name, process.name, "Restarting")
            self._platform.logs.write(self._app.name, process.name, f"State changed from {process.state} to starting")

    def _boot_web(self) -> None:
        """One first: a broken release costs one start, not a formation's."""
        web = self._of_kind(web=True)
        self._boot(web[:1])
        if self._urgent:
            self._boot(web[1:])
            self._switch()

    def _boot_others(self) -> None:
        """Types that must never run twice change places now: their old processes stop before the new ones start."""
        others = ([] if self._urgent else self._of_kind(web=True)[1:]) + self._of_kind(web=False)
        exclusive = {spec.type for spec in others if is_exclusive(spec.type, spec.wish)}
        self._stop_early([process for process in self._old if process.type in exclusive])
        for batch in batches(others):
            self._boot(batch)

    def _switch(self) -> None:
        self._platform.keeper.switch(self._app, self._new_web(), self._old_web())
        self._switched = True

    def _new_web(self) -> list[Process]:
        new = {spec.id for spec in self._new}
        return [p for p in self._platform.engine.processes(self._app.id) if p.id in new and p.type == WEB]

    def _old_web(self) -> list[Process]:
        return [process for process in self._old if process.type == WEB]

    def _retire(self) -> None:
        """From now on they count no more, whoever looks before they are gone."""
        if self._old:
            self._platform.retiring.update(process.id for process in self._old)
            threading.Thread(target=self._drain_and_stop, name=f"retire {self._app.name}").start()

    def _drain_and_stop(self) -> None:
        try:
            self._stop_drained()
        finally:
            self._platform.retiring.difference_update(process.id for process in self._old)

    def _stop_drained(self) -> None:
        web = self._old_web()
        self._stop([process for process in self._old if process.type != WEB])
        drained(self._platform, self._app, web)
        self._stop(web)
        for process in web:
            self._platform.router.remove(self._app.name, process.id)

    def _boot(self, specs: Sequence[ProcessSpec]) -> None:
        if not specs:
            return
        self._progress.line(f"Starting {', '.join(spec.name for spec in specs)}")
        self._platform.engine.start(specs)
        for result in self._platform.engine.wait_up(spec.id for spec in specs):
            raise_unless_up(result)

    def _take_back(self) -> None:
        if self._switched:
            serving = [process for process in self._old_web() if is_up(process)]
            self._platform.keeper.switch(self._app, serving, self._new_web())
        self._platform.engine.stop((spec.id for spec in self._new), quiet=True)
        self._platform.keeper.refresh(self._app)

    def _stop_early(self, processes: list[Process]) -> None:
        self._stop(processes)
        self._stopped_early += processes
        self._old = [process for process in self._old if process not in processes]

    def _stop(self, processes: list[Process]) -> None:
        self._platform.engine.stop((p.id for p in processes if self._is_replaced(p)), quiet=True)
        self._platform.engine.stop(p.id for p in processes if not self._is_replaced(p))

    def _is_replaced(self, process: Process) -> bool:
        """Its place in the formation goes to a new process; otherwise it is scaled away."""
        return any((spec.type, spec.number) == (process.type, process.number) for spec in self._new)

    @property
    def stopped_early(self) -> Sequence[Process]:
        """Old exclusive processes that are gone already: a failed changeover must start them again."""
        return self._stopped_early

    def _of_kind(self, *, web: bool) -> list[ProcessSpec]:
        return [spec for spec in self._new if (spec.type == WEB) == web]


def retire(platform: Platform, app: App, processes: Sequence[Process]) -> None:
    """They get no new requests any more; the open ones may end, then they stop."""
    web = [process for process in processes if process.type == WEB]
    platform.engine.stop(process.id for process in processes if process.type != WEB)
    drained(platform, app, web)
    platform.engine.stop(process.id for process in web)
    for process in web:
        platform.router.remove(app.name, process.id)


def drained(platform: Platform, app: App, processes: Iterable[Process]) -> bool:
    """Wait until no request is open on any of them; False when the time their release gives them was over first."""
    waiting = {process.id: time.monotonic() + _drain_timeout(platform, process) for process in processes}
    while waiting:
        waiting = {one: until for one, until in waiting.items() if platform.router.in_flight(app.name, one) > 0}
        if any(time.monotonic() >= until for until in waiting.values()):
            return False
        if waiting:
            time.sleep(DRAIN_POLL)
    return True


def _drain_timeout(platform: Platform, process: Process) -> float:
    release = platform.releases.get(process.app_id, process.release_id)
    slug = platform.slugs.get(release.slug_id) if release.slug_id else None
    wish = slug.manifest.formation.get(process.type) if slug else None
    return DRAIN_TIMEOUT if wish is None or wish.drain_timeout is None else wish.drain_timeout


def raise_unless_up(result: BootResult) -> None:
    name = result.process.name
    match result.kind:
        case "up":
            return
        case "timeout":
            raise BootTimeout(f"{name} {result.detail}", log=result.tail)
        case "crashed":
            raise BootCrash(
                f"{name} exited with status {result.status} before it was healthy.{_sentence(result.detail)}",
                log=result.tail,
            )
        case _:
            raise RunError(f"{name} was stopped before it was healthy.", log=result.tail)


def _sentence(text: str) -> str:
    return f" {text}" if text else ""
