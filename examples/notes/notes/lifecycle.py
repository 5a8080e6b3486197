"""Factor IX: a process may be told to stop at any moment. It finishes what it has in hand, then goes."""

import os
import select
import signal
import time


class Lifecycle:
    """Turns SIGTERM and SIGINT into a flag that the main loop looks at."""

    def __init__(self) -> None:
        self.stopping = False
        self._reader, self._writer = os.pipe()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def sleep(self, seconds: float) -> None:
        """Returns early when the process is told to stop."""
        deadline = time.monotonic() + seconds
        while not self.stopping and (left := deadline - time.monotonic()) > 0:
            # In slices: a signal that comes just before select begins does not interrupt it.
            select.select([self._reader], [], [], min(left, 0.5))

    def _stop(self, _number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # platforms repeat it, also while the interpreter ends
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second Ctrl-C ends at once
        self.stopping = True
        os.write(self._writer, b"!")
