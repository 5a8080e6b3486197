"""Lengths of time as people write them: a number with its unit."""

import re

from twelve.core.errors import UsageError

_LENGTH = re.compile(r"(?P<number>\d{1,9}(\.\d{1,3})?) ?(?P<unit>ms|s|m|h|d)")
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def milliseconds(text: str) -> int:
    """Of "300ms", "1.5s", "1m", "24h" or "7d"; a number alone could mean any of them."""
    found = _LENGTH.fullmatch(text.strip())
    if found is None:
        advice = f"Write {text}ms or {text}s." if text.strip().isdecimal() else "Write 300ms or 1.5s."
        raise UsageError(f'"{text}" is not a length of time with its unit.', hint=advice)
    return round(float(found["number"]) * _UNITS[found["unit"]])
