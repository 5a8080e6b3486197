"""Several workers that share one loaded model: it is loaded once, then the process forks, and the model's pages are the
same for all.

A worker that dies is replaced; SIGTERM goes to all and is waited for. A primary that comes back is loaded by the
parent, and new workers take the old ones' places, one generation after the other.
"""

import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from types import FrameType

from twelve_runtime.ml.asgi import Application
from twelve_runtime.ml.service import Recovery, Service
from twelve_runtime.ml.worker import work

BACKOFF = 1.0  # seconds at least between two starts in place of workers that died
GRACE = 28.0  # seconds from SIGTERM to SIGKILL


class Prefork:
    def __init__(self, service: Service, listener: socket.socket, count: int) -> None:
        self._service, self._listener, self._count = service, listener, count
        self._workers: dict[int, int] = {}  # pid -> generation
        self._generation = 0
        self._stopping = self._recovered = False
        self._hold = self._started = 0.0  # no start before; the last start
        self._held, self._alive = os.pipe()  # nobody writes: the end of `_held` is the end of the parent
        self._told, self._tell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> int:
        """Returns when every worker has ended; the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, self._signalled)
        signal.set_wakeup_fd(self._tell, warn_on_full_buffer=False)
        recovery = Recovery(self._service, then=self._primary_is_back)
        gc.collect()
        gc.freeze()
        while not self._stopping:
            self._fill()
            self._sleep(BACKOFF)
            self._reap()
            self._replace()
        recovery.stop()
        return self._end()

    def _fill(self) -> None:
        if time.monotonic() < self._hold:
            return
        missing = self._count - sum(generation == self._generation for generation in self._workers.values())
        for _ in range(missing):
            self._fork()

    def _fork(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            self._workers[pid] = self._generation
            self._started = time.monotonic()
            return
        status = 1
        try:
            self._child()
            status = 0
        except BaseException:  # noqa: BLE001 - a child never returns into the parent's code
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _child(self) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._alive)
        work(Application(self._service), self._listener, self._held)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self._stopping = True

    def _primary_is_back(self) -> None:
        self._recovered = True
        with suppress(BlockingIOError):
            os.write(self._tell, b"!")

    def _replace(self) -> None:
        """New workers first, then the old ones are told to finish."""
        if not self._recovered or self._stopping:
            return
        self._recovered, self._hold = False, 0.0
        old = list(self._workers)
        self._generation += 1
        gc.collect()
        gc.freeze()
        self._fill()
        self._signal(old, signal.SIGTERM)

    def _sleep(self, seconds: float) -> None:
        select.select([self._told], [], [], seconds)
        with suppress(BlockingIOError):
            while os.read(self._told, 4096):
                pass

    def _reap(self) -> bool:
        """True while there are workers."""
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return bool(self._workers)
                generation = self._workers.pop(pid, None)
                if generation == self._generation and not self._stopping:
                    code = os.waitstatus_to_exitcode(status)
                    self._service.out.event("worker_died", pid=pid, exit_code=code)
                    self._hold = max(self._hold, self._started + BACKOFF)
        return bool(self._workers)

    def _end(self) -> int:
        deadline = time.monotonic() + GRACE
        self._signal(list(self._workers), signal.SIGTERM)
        while self._reap() and time.monotonic() < deadline:
            self._sleep(0.2)
        self._signal(list(self._workers), signal.SIGKILL)
        self._service.close()
        return 0

    @staticmethod
    def _signal(pids: list[int], number: signal.Signals) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
