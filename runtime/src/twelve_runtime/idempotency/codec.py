"""Between what a function returns or takes and the bytes that are kept."""

import hashlib
import json


def encode(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise TypeError(f"The answer of an idempotent function has to be JSON: {error}.") from error


def decode(answer: bytes) -> object:
    return json.loads(answer)


def fingerprint(*parts: object) -> str:
    """Of bytes and of whatever JSON can say: the same for the same, however a dict was filled."""
    whole = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, separators=(",", ":")).encode()
        whole.update(len(raw).to_bytes(8, "big") + raw)
    return whole.hexdigest()
