"""Secrets at rest: AES-256-GCM, a fresh nonce each time, bound to what the secret belongs to."""

import hashlib
import os
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from twelve.core.errors import CorruptState, PlatformError

NONCE_BYTES = 12
KNOWN = b"twelve"


class AesGcmSealer:
    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(hashlib.sha256(b"twelve sealing key\0" + secret).digest())

    def seal(self, plain: bytes, *, context: str) -> bytes:
        """`context` names the owner ("config:APP_ID"); opening under another name fails."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, *, context: str) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError):
            raise CorruptState(
                "The stored secrets cannot be opened with this key.",
                hint="Set TWELVE_SECRET_KEY to the key they were sealed with, or restore the key file.",
            ) from None


class KeyRing(Protocol):
    """Where the proof of the key is kept: the platform's database."""

    def key_proof(self) -> bytes | None: ...
    def keep_key_proof(self, proof: bytes) -> None: ...


def open_sealer(given: str | None, file: Path, ring: KeyRing) -> AesGcmSealer:
    """The sealer of this platform; a key that is not the one its secrets were sealed with is refused at once."""
    proof = ring.key_proof()
    sealer = AesGcmSealer(load_secret(given, file, fresh=proof is None))
    if proof is None:
        ring.keep_key_proof(sealer.seal(KNOWN, context="key"))
    else:
        sealer.open(proof, context="key")
    return sealer


def load_secret(given: str | None, file: Path, *, fresh: bool) -> bytes:
    """TWELVE_SECRET_KEY, else the key file, made 0600 on the first start.

    `fresh` says that nothing was sealed yet: without it a missing file is an error, never a new key.
    """
    if given is not None:
        return given.encode()
    try:
        return file.read_bytes()
    except FileNotFoundError:
        if not fresh:
            raise PlatformError(
                f"{file} is gone, and secrets were sealed with it.", hint="Restore it or set TWELVE_SECRET_KEY."
            ) from None
    return write_once(file, os.urandom(32).hex().encode())


def server_id(data: Path) -> str:
    """What tells this TWELVE_HOME from others on the same database."""
    file = data / "server-id"
    return (file.read_bytes() if file.exists() else write_once(file, os.urandom(16).hex().encode())).decode()


def write_once(file: Path, content: bytes) -> bytes:
    """Create `file` 0600 with `content`; when it exists already, what it holds wins."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(temporary, file)
        except FileExistsError:
            return file.read_bytes()
    finally:
        temporary.unlink()
    return content
