"""Detached Ed25519 signatures: who holds the key says that this name and version has this digest.

A key is 32 raw bytes in base64; `MODEL_PUBLIC_KEY` lists public ones, separated by commas, so that keys can be changed.
"""

import base64
import binascii
import hashlib

from twelve_runtime.artifacts import text
from twelve_runtime.artifacts.errors import ArtifactError, Refused

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
except ImportError as absent:
    raise ImportError(
        "twelve_runtime.artifacts needs obstore and cryptography: install twelve-runtime[artifacts]"
    ) from absent

SCHEMA = "twelve.sig/1"
LIMIT = 4096
RAW = 32


def keypair() -> tuple[str, str]:
    """A new key: private, public."""
    private = Ed25519PrivateKey.generate()
    return _text(private.private_bytes_raw()), _text(private.public_key().public_bytes_raw())


def public_of(private: str) -> str:
    return _text(_private(private).public_key().public_bytes_raw())


def key_id(public: str) -> str:
    return hashlib.sha256(_raw(public, "public key")).hexdigest()[:16]


def listed(keys: str) -> tuple[str, ...]:
    """The keys of MODEL_PUBLIC_KEY; ArtifactError when one is none."""
    found = tuple(key.strip() for key in keys.split(",") if key.strip())
    for key in found:
        _raw(key, "key in MODEL_PUBLIC_KEY")
    return found


def sign(private: str, name: str, version: str, digest: str) -> bytes:
    """The signature file. What is signed binds name and version: a signed artifact cannot take another's place."""
    key = _private(private)
    value = key.sign(statement(name, version, digest))
    return _file(_text(key.public_key().public_bytes_raw()), digest, value)


def check(raw: bytes, public: str, name: str, version: str, digest: str) -> bool:
    """Whether this is, byte for byte, the signature file that the holder of the key would write."""
    try:
        value = base64.b64decode(str(text.decode(raw, "The signature", LIMIT).get("value")), validate=True)
        if raw != _file(public, digest, value):
            return False
        Ed25519PublicKey.from_public_bytes(_raw(public, "public key")).verify(value, statement(name, version, digest))
    except (InvalidSignature, Refused, ValueError):
        return False
    return True


def statement(name: str, version: str, digest: str) -> bytes:
    return f"twelve.model/1\n{name}\n{version}\n{digest}\n".encode()


def _file(public: str, digest: str, value: bytes) -> bytes:
    return text.encode(
        {"schema": SCHEMA, "alg": "ed25519", "keyid": key_id(public), "digest": digest, "value": _text(value)}
    )


def _private(key: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_raw(key, "signing key"))


def _raw(key: str, what: str) -> bytes:
    """Says what is wrong without the key itself."""
    try:
        raw = base64.b64decode(key.strip(), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != RAW:
        raise ArtifactError(f"The {what} is not the base64 of {RAW} bytes.")
    return raw


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
