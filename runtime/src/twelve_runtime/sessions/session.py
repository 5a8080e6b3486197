"""A session in the hand of one request: a dict of JSON, and what has become of it since it was loaded."""

import json
import time
from collections.abc import Mapping
from typing import Any


class SessionTooLarge(Exception):
    """A session names what the app keeps elsewhere; it does not keep it."""


class Session(dict[str, Any]):
    """`id` is None until it is saved for the first time; `created` and `saved` are Unix time."""

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        session_id: str | None = None,
        created: float | None = None,
        saved: float | None = None,
    ) -> None:
        super().__init__(values or {})
        self.id = session_id
        self.created = time.time() if created is None else created
        self.saved = self.created if saved is None else saved
        self.before = dumps(self)
        self.rotating = False
        self.accessed = False

    def mark_accessed(self) -> None:
        """Starlette calls this when a request looks: then the answer depends on the cookie."""
        self.accessed = True

    def changed(self) -> bool:
        """Also by a change deep inside: what would be written is compared."""
        return self.rotating or dumps(self) != self.before

    def rotate(self) -> None:
        """A new id for the same values, whenever rights change: one that leaked before is worth nothing."""
        self.rotating = True


def dumps(values: Mapping[str, Any]) -> bytes:
    """Strictly JSON: a key that is no text or a date would come back as something else."""
    for name in values:
        if not isinstance(name, str):
            raise TypeError(f"A session's keys are text, not {name!r}.")
    try:
        return json.dumps(dict(values), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise TypeError(f"A session holds JSON only: {error}.") from error


def pack(values: Mapping[str, Any], created: float, saved: float, largest: int) -> bytes:
    data = f"{created:.3f} {saved:.3f}\n".encode() + dumps(values)
    if len(data) > largest:
        raise SessionTooLarge(f"The session has {len(data)} bytes; at most {largest} are kept.")
    return data


def unpack(data: bytes, session_id: str) -> Session | None:
    """None for what is none of ours: an old format or another program's."""
    head, _, body = data.partition(b"\n")
    try:
        created, saved = map(float, head.split())
        values = json.loads(body)
    except ValueError:
        return None
    return Session(values, session_id, created, saved) if isinstance(values, dict) else None
