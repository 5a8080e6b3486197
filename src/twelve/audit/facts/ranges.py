"""Whether a version is one of those that a manifest asks for; None where that cannot be told for certain. Pure.

Python: PEP 440 as far as it is numbers, and poetry's ^ and ~. Node: docs.npmjs.com/cli/using-npm/semver. Ruby:
guides.rubygems.org/patterns.
"""

import re

LONGEST = 6  # parts of a version
Numbers = tuple[int, ...]
Bounds = tuple[Numbers, Numbers | None]  # the first that fits, and the first that does not any more
_TERM = re.compile(r"(?:(\^|~>|~|>=|<=|>|<|=)\s*+)?v?(\d++(?:\.\d++)*+)((?:\.[xX*])*+)")
_VERSION = re.compile(r"\d+(?:\.\d+)*")


def allows(language: str, wanted: str, version: str) -> bool | None:
    wanted = wanted.strip()
    if language == "python":
        wanted = wanted.replace("~=", "~>").replace("===", "=").replace("==", "=")
    if not wanted or not _VERSION.fullmatch(version):
        return None
    told = [_all_of(language, part.strip(), _numbers(version)) for part in wanted.split("||")]
    return None if None in told else any(told)


def _all_of(language: str, part: str, version: Numbers) -> bool | None:
    """Terms with a comma or a blank between them."""
    matches = list(_TERM.finditer(part))
    if not matches or _TERM.sub("", part).strip(" ,"):
        return None
    return all(_fits(language, match, version) for match in matches)


def _fits(language: str, match: re.Match[str], version: Numbers) -> bool:
    sign, told = match[1] or "", _numbers(match[2])
    if sign in {">", ">=", "<", "<="}:
        return _compared(sign, _padded(version), _padded(told))
    first, past = _bounds(language, sign, told, is_open=bool(match[3]))
    return _padded(first) <= _padded(version) and (past is None or _padded(version) < _padded(past))


def _compared(sign: str, one: Numbers, other: Numbers) -> bool:
    return {">": one > other, ">=": one >= other, "<": one < other, "<=": one <= other}[sign]


def _bounds(language: str, sign: str, told: Numbers, *, is_open: bool) -> Bounds:
    if sign == "^":
        keeps = next((place for place, number in enumerate(told) if number), len(told) - 1)
    elif sign == "~>":
        keeps = max(len(told) - 2, 0)
    elif sign == "~":
        keeps = min(len(told) - 1, 1)
    elif is_open or (language == "node" and len(told) < 3):
        keeps = len(told) - 1
    else:
        return told, (*_padded(told)[:-1], _padded(told)[-1] + 1)
    return told, (*told[:keeps], told[keeps] + 1)


def _numbers(text: str) -> Numbers:
    return tuple(int(part[:9]) for part in text.split("."))[:LONGEST]


def _padded(numbers: Numbers) -> Numbers:
    return (*numbers, *[0] * (LONGEST - len(numbers)))[:LONGEST]
