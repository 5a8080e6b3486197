"""JSON as artifacts have it: written in one canonical form, read without trusting who wrote it."""

import json
import math
from typing import Any

from twelve_runtime.artifacts.errors import Refused


def encode(document: object) -> bytes:
    try:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise Refused(f"This cannot be written as JSON: {error}.") from None


def decode(raw: bytes, what: str, limit: int) -> dict[str, Any]:
    """An object; Refused for anything else: too large, not UTF-8, a key twice, NaN, nested without end."""
    if len(raw) > limit:
        raise Refused(f"{what} has more than {limit} bytes.")
    try:
        document = json.loads(raw.decode(), object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refused(f"{what} is not proper JSON: {reason[:120]}.") from None
    if not isinstance(document, dict):
        raise Refused(f"{what} is not a JSON object.")
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _constant(text: str) -> float:
    raise ValueError(f"{text} is not a number of JSON")


def _finite(text: str) -> float:
    if math.isfinite(value := float(text)):
        return value
    raise ValueError("a number is too large")
