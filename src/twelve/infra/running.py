"""A process held by its pidfd, so that no signal ever reaches a later process of the same number."""

import contextlib
import os
import select
import signal
import threading
import time

from twelve.infra import procfs

UNKNOWN_STATUS = -1  # an adopted process is not our child: the kernel does not tell us


class Running:
    """Ours by birth or adopted. `settled` is set once it is ready or gone; `status` is known once it is reaped."""

    def __init__(self, identity: procfs.Identity) -> None:
        self.identity = identity
        self.pid = identity.pid
        self.settled = threading.Event()
        self.is_ready = False
        self.status = UNKNOWN_STATUS
        self.since = time.monotonic()
        self._pidfd = os.pidfd_open(self.pid)
        self._lock = threading.Lock()

    def ended(self, timeout: float | None) -> bool:
        """Wait for its end; True once it has ended."""
        with self._lock:
            if self._pidfd < 0:
                return True
            descriptor = os.dup(self._pidfd)
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            return bool(poll.poll(None if timeout is None else timeout * 1000))
        finally:
            os.close(descriptor)

    def signal(self, number: int) -> None:
        with self._lock, contextlib.suppress(ProcessLookupError):
            if self._pidfd >= 0:
                signal.pidfd_send_signal(self._pidfd, number)

    def reap(self) -> None:
        """Take its exit status, in the shell's way, and let go of it."""
        with self._lock:
            if self._pidfd < 0:
                return
            with contextlib.suppress(ChildProcessError):
                result = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
                if result:
                    by_signal = result.si_code in {os.CLD_KILLED, os.CLD_DUMPED}
                    self.status = result.si_status + (128 if by_signal else 0)
            os.close(self._pidfd)
            self._pidfd = -1
