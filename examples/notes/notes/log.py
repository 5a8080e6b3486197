"""Factor XI: one event a line to stdout, as key=value. Where the stream goes is the platform's business."""

import json
import sys
from contextvars import ContextVar

LEVELS = ("debug", "info", "warning", "error")
request_id: ContextVar[str] = ContextVar("request_id", default="")
_threshold = LEVELS.index("info")


def configure(level: str) -> None:
    global _threshold  # noqa: PLW0603 - one stream a process
    _threshold = LEVELS.index(level) if level in LEVELS else LEVELS.index("info")


def event(name: str, level: str = "info", **fields: object) -> None:
    """Print `level=info event=note_saved note=7 request_id=...`."""
    if LEVELS.index(level) < _threshold:
        return
    known = {"level": level, "event": name, **fields, "request_id": request_id.get()}
    sys.stdout.write(" ".join(f"{key}={_text(value)}" for key, value in known.items() if value != "") + "\n")
    sys.stdout.flush()


def _text(value: object) -> str:
    text = str(value)
    plain = text.isprintable() and not any(character in ' "=' for character in text)
    return text if plain else json.dumps(text)
