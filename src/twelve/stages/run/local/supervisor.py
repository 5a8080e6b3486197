"""One process from its start to its end, as one task: boot, watch, stop, start again.

            begin               boot passed                 exit
    ──▶ starting ────────────────▶ up ─────────────────────▶ crashed ──▶ (delay) ──▶ starting
           │ exit, boot timeout     │ stop                      │ stop
           └──▶ crashed             └──▶ SIGTERM, grace,        └──▶ down
                                         SIGKILL ──▶ down

Processes that run once are up when they are started, and their exit is their end.
"""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twelve.core.errors import TwelveError
from twelve.core.model import Process, ProcessSpec, ProcessState
from twelve.core.policy import codes, launch, restart
from twelve.core.policy.boot import later_checks
from twelve.core.policy.limits import limits
from twelve.core.ports import BootResult, ProcessEvent
from twelve.stages.run.local import stop as stopping
from twelve.stages.run.local import tree
from twelve.stages.run.local.checks import Checker
from twelve.stages.run.local.copied import remove
from twelve.stages.run.local.ground import Ground, Outcome, Outlet
from twelve.stages.run.local.health import Boot, ChecksFailed
from twelve.stages.run.local.health_watch import HealthWatch
from twelve.stages.run.local.life import STATUS, Life
from twelve.stages.run.local.limits import Groups, noted
from twelve.stages.run.local.memory_watch import MemoryWatch
from twelve.stages.run.local.shell import environment, shell
from twelve.stages.run.local.spawn import Start, Streams, run_beside
from twelve.stages.run.processes import ProcessRecord

log = logging.getLogger(__name__)

BOOT_TIMEOUT, STOP_TIMEOUT = 60.0, 30.0
FIRST_BOOT_HOLD = 2.0  # seconds: who started it takes a broken one back before it starts again
HANG_UPS, HANG_UP_WAIT = 3, 5.0


class Supervisor:
    """`outcome` outlives it; `place` is the process's own directory."""

    def __init__(self, spec: ProcessSpec, record: ProcessRecord, place: Path, outlet: Outlet, ground: Ground) -> None:
        loop = asyncio.get_running_loop()
        self.spec = spec
        self.record = record
        self.place = place
        self.outcome = Outcome(loop.create_future(), loop.create_future())
        self.outlet = outlet
        self._ground = ground
        self._changed_at = datetime.now(UTC)
        self._stop = asyncio.Event()
        self._quiet = False
        self._fresh = True
        self._life = Life(spec.id, None, place / STATUS)
        self._start: Start | None = None
        self._streams = Streams()
        self._spawned: Callable[[], int] = _not_spawned
        self._groups = Groups()
        self._boot_failure = ""

    @property
    def process(self) -> Process:
        return self.record.process(self._changed_at)

    def prepare(self) -> None:
        """The slow part of a start, on the disk; the only one that may run in any thread."""
        self.place.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._ground.sandbox.prepare(self.spec, self.place)
        self._groups = self._ground.limiter.make(self.spec.id, self.spec.size, self.place)

    def make_ready(self) -> None:
        """What is quick, once it is prepared."""
        port = self._ground.ports.claim()
        self.record = replace(self.record, port=port, pid=None, pid_started=None, up_since=None, exit_status=None)
        sandboxed = self._ground.sandbox.name == "bwrap"
        processes = self._ground.limiter.processes(self.spec.size) if sandboxed else None
        argv = shell(self.spec.command, terminal=self.spec.terminal is not None, processes=processes)
        env = environment(self.spec, port, first=self._fresh)
        self._start = self._ground.sandbox.start(self.spec, self.place, env, argv)
        self._streams = self.outlet.open()

    def begin(self) -> None:
        """Ask for it, once it is ready. The caller keeps the output open until it calls `outlet.opened`."""
        self._say(f"Starting process with command `{launch.shown(self.spec.command, self.record.port)}`")
        assert self._start is not None
        start = self._groups.joined(self._start)
        self._spawned = self._ground.sandbox.spawn(start, self._streams, self.place / STATUS)

    def begun(self) -> None:
        """Wait for what `begin` asked for."""
        spawned, self._spawned = self._spawned, _not_spawned
        pid = spawned()
        self._life = Life(self.spec.id, pid, self.place / STATUS)
        self._change(state=ProcessState.STARTING, pid=pid, pid_started=tree.start_time(pid))
        self._tell("starting")

    def give_up(self) -> None:
        """It was made ready and will not begin."""
        self._free_port()
        self.outlet.opened()
        self.outlet.finish()

    def clear(self) -> None:
        """Nothing of it stays on the disk, nor in the kernel."""
        self._groups.remove()
        remove(self.place)

    def resume(self, pid: int | None) -> None:
        """Take over what an earlier server started; `pid` is None when it has ended since."""
        self._fresh = False
        self._life = Life(self.spec.id, pid, self.place / STATUS)
        self._groups = noted(self.place)
        if self.record.port is not None:
            self._ground.ports.adopt(self.record.port)
        if self.record.state == ProcessState.UP:
            self._settle_boot("up")

    async def run(self, *, waiting: bool = False) -> None:
        """Until it is stopped, or has run once. `waiting`: it is between two lives, so begin with the next one."""
        status = self.record.exit_status or 0
        try:
            going = not waiting or await self._start_again(0.0)
            while going:
                status = await self._live()
                going = self.spec.kept and not self._stop.is_set() and await self._start_again(self._crashed(status))
        except asyncio.CancelledError:  # the engine closes, and the process goes on without us
            raise
        except Exception:
            log.exception("%s of %s can no longer be supervised, so it ends", self.spec.name, self.spec.app)
            self._life.kill()
        await self._leave(status)

    def stop(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._stop.set()

    async def hang_up(self) -> None:
        """Its client is gone: it is told three times, then ended."""
        for _ in range(HANG_UPS):
            if self.outcome.ended.done():
                return
            self._say("Client connection closed. Sending SIGHUP to all processes")
            self._life.signal(signal.SIGHUP)
            await asyncio.wait({self.outcome.ended}, timeout=HANG_UP_WAIT)
        if not self.outcome.ended.done():
            self._say(codes.text("R16"))
            self.stop(quiet=True)

    async def _live(self) -> int:
        """One life, from after its spawn to its last process and its last line; gives its status."""
        exit_ = asyncio.ensure_future(self._life.first_exit())
        stop = asyncio.ensure_future(self._stop.wait())
        boot = asyncio.ensure_future(self._pass_boot())
        over = asyncio.ensure_future(self._over(exit_))
        memory = MemoryWatch(limits(self.spec.size), self._groups, self._life, self._say)
        vast = asyncio.ensure_future(memory.exceeded())
        sick = asyncio.ensure_future(self._health_lost(boot))
        try:
            await asyncio.wait({exit_, stop, boot, vast}, return_when=asyncio.FIRST_COMPLETED)
            if boot.done() and boot.result() and not (exit_.done() or vast.done() or self._stop.is_set()):
                await asyncio.wait({exit_, stop, vast, sick}, return_when=asyncio.FIRST_COMPLETED)
            unwell = sick.done()
            sick.cancel()
            if memory.over():
                await stopping.kill(self._life, over)
            else:
                await self._end(exit_, boot, over, unwell=unwell)
            status = await exit_
            tail = await asyncio.to_thread(self.outlet.finish)
            await asyncio.to_thread(self._groups.remove)
            self._record_exit(status, tail)
            return status
        finally:
            for task in (exit_, stop, boot, over, vast, sick):
                task.cancel()

    async def _over(self, exit_: asyncio.Future[int]) -> None:
        await asyncio.wait({exit_})
        await self._life.gone()

    async def _health_lost(self, boot: asyncio.Future[bool]) -> None:
        """Once it is up; what is not kept has no checks."""
        passed = await asyncio.shield(boot)
        checks = later_checks(self.spec.checks) if passed and self.spec.kept else ()
        await HealthWatch(checks, self._checker(), self._tell, self._say).lost()

    async def _end(
        self, exit_: asyncio.Future[int], boot: asyncio.Future[bool], over: asyncio.Future[None], *, unwell: bool
    ) -> None:
        grace = self.spec.wish.stop_timeout or STOP_TIMEOUT
        if exit_.done():
            await stopping.sweep(self._life, over, grace, self._say)
        elif self._stop.is_set() or unwell:
            if not (self._quiet or unwell):
                self._say(f"State changed from {self.record.state} to down")
            await stopping.terminate(self._life, over, grace, self._say)
        elif boot.done() and not boot.result():
            self._say("Stopping process with SIGKILL")
            await stopping.kill(self._life, over)

    async def _pass_boot(self) -> bool:
        """False when the time was over first."""
        if self.record.state == ProcessState.UP or not self.spec.kept:
            self._up()
            return True
        timeout = self.spec.wish.boot_timeout or BOOT_TIMEOUT
        boot = Boot(self.spec, self._life, self.record.port or 0, self._checker(), self._say)
        try:
            async with asyncio.timeout(timeout):
                await boot.passed()
        except (TimeoutError, ChecksFailed):
            self._boot_failure = boot.failure(timeout)
            late = codes.R["R10"] if not boot.bound else codes.CHECKS_TIMEOUT
            self._say(late.format(seconds=timeout))
            return False
        self._up()
        return True

    def _up(self) -> None:
        self._fresh = False
        if self.record.state != ProcessState.UP:
            self._say(f"State changed from {self.record.state} to up")
            self._change(state=ProcessState.UP, up_since=time.time())
            self._tell("up")
        self._settle_boot("up")

    def _record_exit(self, status: int, tail: tuple[str, ...]) -> None:
        self._say(f"Process exited with status {status}")
        self._free_port()
        before = self.record.state
        if self._stop.is_set():
            self._change(state=ProcessState.DOWN, exit_status=status)
            self._settle_boot("stopped", status, tail=tail)
        elif self.spec.kept:
            self._say(f"State changed from {before} to crashed")
            self._change(state=ProcessState.CRASHED, exit_status=status)
            self._settle_boot("timeout" if self._boot_failure else "crashed", status, tail=tail)
        else:
            self._say(f"State changed from {before} to complete")
            self._change(state=ProcessState.DOWN, exit_status=status)

    def _crashed(self, status: int) -> float:
        """What its exit means for the next start: seconds to wait."""
        up = 0.0 if self.record.up_since is None else time.time() - self.record.up_since
        decision = restart.decide(self.record.exits, up, self._ground.restart_cap)
        self._change(exits=decision.exits, up_since=None)
        if decision.notice:
            self._say(decision.notice)
        delay = max(decision.delay, FIRST_BOOT_HOLD) if self._fresh else decision.delay
        self._fresh = False
        self._tell("exited", status, delay)
        return delay

    async def _start_again(self, delay: float) -> bool:
        """False when it was stopped before that."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), delay)
            if self._stop.is_set():
                if not self._quiet:
                    self._say(f"State changed from {self.record.state} to down")
                return False
            try:
                await self._begin_again()
            except (OSError, TwelveError) as error:
                self._say(codes.text("R99", detail=f"{self.spec.name} could not be started: {error}"))
                delay = self._crashed(0)
            else:
                return True

    async def _begin_again(self) -> None:
        self._say("State changed from crashed to starting")
        await asyncio.to_thread(self.prepare)
        self._boot_failure = ""
        self.make_ready()
        try:
            self.begin()
            self.begun()
        except OSError:
            self.give_up()
            raise
        self.outlet.opened()

    async def _leave(self, status: int) -> None:
        self.record = replace(self.record, state=ProcessState.DOWN, exit_status=status)
        self._settle_boot("stopped", status)
        self._ground.journal.forget(self.spec.id)
        await asyncio.to_thread(self.clear)
        if not self.spec.kept:
            self._tell("exited", status)
        self._tell("gone", status)
        self.outcome.ended.set_result(status)

    def _settle_boot(self, kind: str, status: int | None = None, tail: tuple[str, ...] = ()) -> None:
        """The first outcome counts: it is what whoever started it waits for."""
        if not self.outcome.booted.done():
            detail = self._boot_failure or ("It ended instead of staying up." if status == 0 else "")
            self.outcome.booted.set_result(BootResult(self.process, kind, status, detail, tail))

    def _checker(self) -> Checker:
        return Checker(self.record.port or 0, self.spec.host, self._inside)

    def _inside(self, argv: Sequence[str], timeout: float) -> int | None:
        env = environment(self.spec, self.record.port)
        command = self._ground.sandbox.inside(self._life.init() or 0, self.place, env, argv)
        return run_beside(command, timeout)

    def _free_port(self) -> None:
        if self.record.port is not None:
            self._ground.ports.release(self.record.port)

    def _change(self, **changes: Any) -> None:
        self.record = replace(self.record, **changes)
        self._changed_at = datetime.now(UTC)
        self._ground.journal.note(self.record)

    def _say(self, text: str) -> None:
        self._ground.sink.write(self.spec.app, self.spec.name, text)

    def _tell(self, kind: str, status: int | None = None, delay: float | None = None) -> None:
        self._ground.tell(ProcessEvent(self.process, kind, status, delay))


def _not_spawned() -> int:
    raise ChildProcessError("nothing has asked for it")
