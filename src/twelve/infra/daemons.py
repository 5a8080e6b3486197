"""Servers of the platform as processes that outlive it: started or adopted, watched, restarted, stopped.

ensure: adopt the one on record, else start -> poll `ready` -> (death -> after_exit -> wait a little -> start)* -> stop

Its output goes into a named pipe that both sides hold open, so neither ends when the other does.
"""

import contextlib
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from twelve.core.errors import PlatformError, TwelveError
from twelve.core.ports import PlatformProcess
from twelve.infra import procfs
from twelve.infra.daemon_output import OutputReader
from twelve.infra.running import Running

log = logging.getLogger(__name__)

READY_PAUSE = 0.015
LATE_PAUSE = 0.2  # a server that missed its deadline is still asked, less often
STEADY = 10.0  # seconds alive after which a death counts as the first one again
FIRST_BACKOFF, LAST_BACKOFF = 0.1, 5.0


class Daemon:
    """A server kept running from `ensure` to `stop`, over the deaths of either side. Every method is thread-safe.

    `command`, `before_start`: asked before every start, so that a busy port can be replaced.
    `ready`: does it really serve? False or an OSError means not yet.
    `after_exit`: told of every death nobody asked for, with the shell's status (-1 for an adopted process).
    `error`: what `ensure` raises, with the server's last lines.
    `server`: the process to signal, given ours, where a launcher stays in between.
    """

    def __init__(
        self,
        name: str,
        role: str,
        run: Path,
        *,
        command: Callable[[], Sequence[str | Path]],
        env: Mapping[str, str],
        ready: Callable[[], bool],
        stop_signal: int = signal.SIGTERM,
        stop_deadline: float = 10.0,
        ready_deadline: float = 20.0,
        output: Callable[[bytes], None] | None = None,
        before_start: Callable[[], None] | None = None,
        after_exit: Callable[[int], None] | None = None,
        error: type[TwelveError] = PlatformError,
        server: Callable[[int], int | None] | None = None,
    ) -> None:
        self.name = name
        self.role = role
        self._command = command
        self._env = dict(env)
        self._ready = ready
        self._stop_signal = stop_signal
        self._stop_deadline = stop_deadline
        self._ready_deadline = ready_deadline
        self._before_start = before_start
        self._adopted = False
        self._after_exit = after_exit
        self._error = error
        self._server = server
        self._directory = run / "daemons"
        self._record = self._directory / f"{name}.json"
        self._output = OutputReader(self._directory / f"{name}.out", output)
        self._lock = threading.RLock()
        self._record_lock = threading.Lock()  # the keeper writes while `ensure` holds the other one
        self._unwanted = threading.Event()
        self._child: Running | None = None
        self._deaths = 0

    @property
    def pid(self) -> int | None:
        child = self._child
        return child.pid if child else None

    def process(self) -> PlatformProcess | None:
        pid = self.pid
        return PlatformProcess(self.name, self.role, pid) if pid else None

    def ensure(self) -> None:
        """Running and ready when it returns, and kept so until `stop` or `release`."""
        with self._lock:
            self._unwanted.clear()
            adopted = self._child is None and self._adopt()
            self._adopted = self._adopted or adopted
            if self._child is None:
                self._start_or_stop()
            if self._settle():
                return
            failure = self._failure()
            self.stop()
            if not adopted:
                raise failure
            self.ensure()  # the adopted one was stuck: a fresh one in its place

    def hand_over(self) -> None:
        """Another one takes the place of the running one, as its `command` knows how to; both run for a while.

        `command`, `before_start` and `ready` see the old one's pid, the old one's, the new one's. The old one ends by
        itself. Where the new one cannot begin beside it, it is a restart.
        """
        with self._lock:
            if self._child is None:
                self.ensure()
                return
            try:
                self._begin()
                if self._settle():
                    return
                log.warning("%s", self._failure())
            except (TwelveError, OSError) as error:
                log.warning("%s could not take over: %s", self.name, error)
            self.restart()

    def restart(self) -> None:
        with self._lock:
            self.stop()
            self.ensure()

    def stop(self) -> None:
        """Ended, with everything it started, when this returns; fine when nothing runs."""
        with self._lock:
            self._unwanted.set()
            child, self._child = self._child or self._recorded(), None
            if child:
                self._end(child)
            self._end_leftovers()
            with self._record_lock:
                self._record.unlink(missing_ok=True)
            self._output.close()

    def give_up(self) -> None:
        """When a start fails elsewhere: what it started ends again, what it found running goes on."""
        if self._adopted:
            self.release()
        else:
            self.stop()

    def release(self) -> None:
        """Leave it running for the next platform process to adopt, and keep it no longer."""
        with self._lock:
            self._unwanted.set()
            self._child = None
            self._output.close()

    def send(self, number: int) -> None:
        """To the server, when it runs."""
        child = self._child
        if child:
            self._send(child, number)

    def _send(self, child: Running, number: int) -> None:
        inner = self._server(child.pid) if self._server else None
        if inner is None:
            child.signal(number)
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(inner, number)

    def _end(self, child: Running) -> None:
        self._send(child, self._stop_signal)
        if not child.ended(self._stop_deadline):
            child.signal(signal.SIGKILL)
            child.ended(None)
        child.reap()

    def _start_or_stop(self) -> None:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _adopt(self) -> bool:
        child = self._recorded()
        if child:
            self._output.open()
            self._watch(child)
        return child is not None

    def _recorded(self) -> Running | None:
        """The process on record, when it is still the same one."""
        try:
            record = json.loads(self._record.read_text())
            found = procfs.identity(record["pid"])
            if found is None or asdict(found) != {key: record[key] for key in ("pid", "started", "boot")}:
                return None
            if record["exe"] and record["exe"] != procfs.executable(found.pid):
                return None
            return Running(found)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _start(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._end_leftovers()
        self._begin()

    def _begin(self) -> None:
        if self._before_start:
            self._before_start()
        self._output.open()
        child = self._spawn([os.fspath(part) for part in self._command()])
        self._watch(child)

    def _spawn(self, argv: list[str]) -> Running:
        """Own session, no signal blocked or ignored, nothing of ours inherited but the pipe."""
        with self._output.writing_end() as pipe:
            actions = [
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, pipe, 1),
                (os.POSIX_SPAWN_DUP2, pipe, 2),
            ]
            default = [number for number in signal.valid_signals() if number not in {signal.SIGKILL, signal.SIGSTOP}]
            try:
                pid = os.posix_spawnp(
                    argv[0], argv, self._env, file_actions=actions, setsid=True, setsigmask=[], setsigdef=default
                )
            except OSError as error:
                raise self._error(f"{self.name} could not be started: {argv[0]}: {error.strerror}.") from error
        identity = procfs.identity(pid)
        return Running(identity or procfs.Identity(pid, 0, procfs.boot_id()))

    def _write_record(self, child: Running, exe: str) -> None:
        temporary = self._record.with_suffix(".new")
        with self._record_lock:
            if self._child is not child:
                return
            temporary.write_text(json.dumps({**asdict(child.identity), "exe": exe}))
            temporary.chmod(0o600)
            temporary.replace(self._record)

    def _end_leftovers(self) -> None:
        """What an earlier server left behind: a killed one's children, or one that was never put on record."""
        deadline = time.monotonic() + 5
        while left := procfs.writers(self._output.path):
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise self._error(f"Process {left[0]} of an earlier {self.name} cannot be ended.")
            time.sleep(0.01)

    def _watch(self, child: Running) -> None:
        self._child = child
        self._write_record(child, exe="")  # unknown until it is ready: helpers like unshare exec the real server
        threading.Thread(target=self._keep, args=(child,), name=f"{self.name}-keeper", daemon=True).start()

    def _keep(self, child: Running) -> None:
        self._wait_ready(child)
        child.ended(None)
        with self._lock:
            child.reap()
            child.settled.set()
            if self._child is not child:  # stopped, released or replaced meanwhile
                return
            self._child = None
        log.warning("%s ended unasked, status %d; starting it again", self.name, child.status)
        if self._after_exit:
            self._after_exit(child.status)
        self._revive(lived=time.monotonic() - child.since)

    def _wait_ready(self, child: Running) -> None:
        deadline = time.monotonic() + self._ready_deadline
        while not child.ended(0) and self._child is child:
            if self._answers():
                self._write_record(child, procfs.executable(child.pid))
                child.is_ready = True
                break
            child.ended(READY_PAUSE if time.monotonic() < deadline else LATE_PAUSE)
        child.settled.set()

    def _answers(self) -> bool:
        try:
            return self._ready()
        except OSError:
            return False

    def _revive(self, lived: float) -> None:
        """Start it again: at once the first time, later after 0.1, 0.2 ... 5 s."""
        while True:
            self._deaths = 0 if lived > STEADY else self._deaths + 1
            delay = FIRST_BACKOFF * 2 ** (self._deaths - 2) if self._deaths > 1 else 0
            if self._unwanted.wait(min(delay, LAST_BACKOFF)):
                return
            with self._lock:
                if self._unwanted.is_set() or self._child is not None:
                    return
                try:
                    self._start()
                    return
                except (TwelveError, OSError) as error:
                    log.error("%s could not be started again: %s", self.name, error)  # noqa: TRY400 - a sentence, not a trace
                    lived = 0

    def _settle(self) -> bool:
        """Wait for it to be ready; called with the lock held, so nothing replaces it meanwhile."""
        child = self._child
        return child is not None and child.settled.wait(self._ready_deadline) and child.is_ready

    def _failure(self) -> TwelveError:
        child = self._child
        if child and child.ended(0):
            child.reap()
            happened = f"ended with status {child.status} before it was ready"
        else:
            happened = f"was not ready after {self._ready_deadline:g} s"
        self._output.close()
        return self._error(f"{self.name} {happened}.", log=self._output.tail())
