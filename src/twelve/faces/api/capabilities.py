"""Capability URLs: whoever holds one may do one thing to one object until it expires, without a token.

The right is written into the URL and signed with a key derived from the token, so nothing is stored, the URL outlives a
restart of the server, and a new token revokes every one of them.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from twelve.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Capabilities:
    key: bytes
    clock: Callable[[], float] = time.time

    @classmethod
    def of(cls, token: str) -> "Capabilities":
        return cls(hmac.digest(token.encode(), b"twelve capability urls", hashlib.sha256))

    def issue(self, kind: str, seconds: float, facts: Mapping[str, object]) -> str:
        """A secret for the path of a URL: 256 bits of signature over `kind`, `facts` and the expiry."""
        payload = json.dumps({**facts, "until": int(self.clock() + seconds)}, separators=(",", ":")).encode()
        return f"{_encode(payload)}.{_encode(self._signature(kind, payload))}"

    def open(self, kind: str, secret: str) -> Mapping[str, Any]:
        """The facts of a genuine secret of this kind that has not expired."""
        payload, signature = (_decode(part) for part in (*secret.split("."), "", "")[:2])
        if not payload or not hmac.compare_digest(signature, self._signature(kind, payload)):
            raise NotFound("This address leads nowhere.", resource=kind)
        facts: Mapping[str, Any] = json.loads(payload)
        if facts["until"] <= self.clock():
            raise NotFound("This address has expired.", resource=kind, hint="Ask for a new one.")
        return facts

    def _signature(self, kind: str, payload: bytes) -> bytes:
        return hmac.digest(self.key, kind.encode() + b"\0" + payload, hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
