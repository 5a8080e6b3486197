"""Session ids that nobody can make up: 32 random bytes and their signature; the store sees only a digest of them."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence

RANDOM, SIGNATURE = 32, 32
FORM = re.compile(r"[A-Za-z0-9_-]{86}")  # 64 bytes, base64url without padding
PURPOSE = b"twelve_runtime.sessions:"


class Signer:
    """The first key signs, every key verifies: a new one goes in front, the old one goes when its sessions have."""

    def __init__(self, keys: Sequence[str | bytes]) -> None:
        self._keys = [hashlib.sha256(PURPOSE + _bytes(key)).digest() for key in keys]
        if not self._keys or any(len(_bytes(key)) < 16 for key in keys):
            raise ValueError("Sessions need at least one key of 16 bytes or more: a long random SECRET_KEY.")

    def new(self) -> str:
        raw = secrets.token_bytes(RANDOM)
        return base64.urlsafe_b64encode(raw + _sign(self._keys[0], raw)).decode().rstrip("=")

    def valid(self, session_id: str | None) -> bool:
        if session_id is None or not FORM.fullmatch(session_id):
            return False
        whole = base64.urlsafe_b64decode(session_id + "==")
        raw, signature = whole[:RANDOM], whole[RANDOM:]
        return any(hmac.compare_digest(_sign(key, raw), signature) for key in self._keys)


def stored_name(session_id: str) -> str:
    """Whoever reads the store gets no id to come back with."""
    return hashlib.sha256(session_id.encode()).hexdigest()


def _sign(key: bytes, raw: bytes) -> bytes:
    return hmac.new(key, raw, hashlib.sha256).digest()


def _bytes(key: str | bytes) -> bytes:
    return key.encode() if isinstance(key, str) else key
