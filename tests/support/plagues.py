"""Apps that misbehave: each takes all it can get of one thing, as soon as it is deployed and up."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.live import Live

PEACE = 3.5  # seconds from the deploy to the plague: it must come up first
PLAGUES = {
    "a fork bomb": """
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.1)
""",
    "a memory hog": """
hog = []
while True:
    hog.append(b"x" * (16 << 20))
""",
    "a disk filler": """
while True:
    try:
        with open("/tmp/filled", "ab") as file:
            file.write(b"x" * (1 << 20))
    except OSError:
        os.unlink("/tmp/filled")
""",
    "a log flood": """
while True:
    print("flood " * 20)
""",
}


@contextlib.contextmanager
def plague(live: Live, directory: Path, code: str, quantity: int = 1) -> Iterator[None]:
    """Deployed, and at it; the app is destroyed afterwards. Whoever crashes of it is at it again at once."""
    directory.mkdir()
    start = f"import os, sys, time\ntime.sleep(max(0, {time.time() + PEACE} - time.time()))\n"
    (directory / "worker.py").write_text(start + code)
    (directory / "Procfile").write_text("worker: python3 worker.py\n")
    formation = {"worker": {"quantity": quantity, "stop_timeout": 1}}
    (directory / "app.json").write_text(json.dumps({"formation": formation}))
    begun = time.monotonic()
    try:
        live.up(directory, "plague")
        time.sleep(max(0, begun + PEACE - time.monotonic()))
        yield
    finally:
        live.cli("apps", "destroy", "plague", "--confirm", "plague")
