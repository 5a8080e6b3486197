"""Waiting for what has to happen soon."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 30.0  # seconds
POLL = 0.02


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What `condition` gives once it is true; None when the time is over first."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            return None
        time.sleep(POLL)
    return value
