"""Factor IX for a loop of one's own: told to stop, it finishes what it has in hand and ends."""

import os
import select
import signal
import time
from types import FrameType

SLICE = 0.5  # seconds


class Lifecycle:
    """Turns SIGTERM and SIGINT into a flag. Made in the main thread, once a process.

    lifecycle = Lifecycle()
    while not lifecycle.stopping:
        do_one_job()
        lifecycle.sleep(1)
    """

    def __init__(self) -> None:
        self.stopping = False
        # A pipe, not threading.Event: a handler that runs while the same thread holds the event's lock would hang.
        self._told, self._tell = os.pipe()
        os.set_blocking(self._tell, False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def sleep(self, seconds: float) -> bool:
        """Returns early, with False, when the process is told to stop; any thread may sleep."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            # In slices: a signal that comes just before select begins does not interrupt it.
            ready, _, _ = select.select([self._told], [], [], min(left, SLICE))
            if ready:
                return False
        return not self.stopping

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        """Platforms repeat SIGTERM, and an ending interpreter no longer handles it; a second Ctrl-C is a person's."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if not self.stopping:
            self.stopping = True
            os.write(self._tell, b"!")
