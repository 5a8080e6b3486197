"""What jobs say: one JSON event a line on stdout, each in one write."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol


class Emit(Protocol):
    def __call__(self, event: str, **fields: Any) -> None: ...


def stdout(event: str, **fields: Any) -> None:
    sys.stdout.write(line(event, fields))
    sys.stdout.flush()


def line(event: str, fields: Mapping[str, Any]) -> str:
    """Numbers that JSON does not have become null."""
    stamp = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    document = {"event": event, "schema": 1, "ts": stamp} | {key: _plain(value) for key, value in fields.items()}
    return json.dumps(document, ensure_ascii=False, allow_nan=False, default=str) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
