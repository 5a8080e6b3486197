"""Every kind of request at once, on the sample app `slow`: what a switch must not cut."""

import contextlib
import time

from tests.support.load.exchanges import Events, Upload, WebSocket
from tests.support.load.generator import Load

KINDS = {  # what `Load` is told; rates that two cores carry beside the platform and the app
    "fast": lambda: {"rate": 100, "path": "/?seconds=0"},
    "keep-alive": lambda: {"rate": 200, "path": "/?seconds=0", "keep_alive": 64},
    "slow": lambda: {"rate": 10, "path": "/?seconds=1"},
    "uploads": lambda: {"rate": 4, "exchange": Upload()},
    "events": lambda: {"rate": 4, "exchange": Events()},
    "websockets": lambda: {"rate": 2, "exchange": WebSocket()},
}


class Mix:
    """A load of each kind, by name. Failures carry the seconds since the start of the mix."""

    def __init__(self, port, host, kinds=tuple(KINDS), address="127.0.0.1"):
        self.loads = {kind: Load(port, host, address=address, timeout=60, **KINDS[kind]()) for kind in kinds}

    def __enter__(self):
        self._begun = time.monotonic()
        for load in self.loads.values():
            load.start()
        return self

    def __exit__(self, *_):
        for load in self.loads.values():
            load.no_more()
        with contextlib.ExitStack() as every:
            for load in self.loads.values():
                every.callback(load.stop)

    def now(self):
        return time.monotonic() - self._begun

    @property
    def sent(self):
        return sum(load.sent for load in self.loads.values())

    @property
    def failures(self):
        return {kind: load.failures for kind, load in self.loads.items() if load.failures}
