"""npm's version ranges, as far as `engines` uses them: comparators, ^, ~, x-ranges, hyphens and ||."""

import re

Version = tuple[int, int, int]
_PARTIAL = r"[vV=]?\s*(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:[-+][\w.+-]*)?"
_HYPHEN = re.compile(rf"^\s*{_PARTIAL}\s+-\s+{_PARTIAL}\s*$")
_COMPARATOR = re.compile(rf"\s*(\^|~>?|>=|<=|>|<|)\s*{_PARTIAL}(?:\s+|$)")
HIGHEST = 1 << 30


def parse(text: str) -> Version:
    major, minor, patch = (int(part) for part in re.findall(r"\d+", text)[:3])
    return major, minor, patch


def accepts(range_: str, version: Version) -> bool:
    """Whether the range takes the version; ValueError when it is no range."""
    verdicts = [_all(part, version) for part in range_.split("||")]  # all of them: each has to be a range
    return any(verdicts)


def _all(part: str, version: Version) -> bool:
    hyphen = _HYPHEN.match(part)
    if hyphen:
        return _lowest(hyphen.groups()[:3]) <= version < _beyond(hyphen.groups()[3:])
    position, fits, text = 0, True, part.strip()
    while position < len(text):
        match = _COMPARATOR.match(text, position)
        if match is None:
            raise ValueError(f"not a range of versions: {part}")
        low, high = _bounds(match[1], match.groups()[1:])
        fits = fits and low <= version < high
        position = match.end()
    return fits


def _bounds(operator: str, parts: tuple[str | None, ...]) -> tuple[Version, Version]:
    """The half-open interval a comparator stands for."""
    low, high, bottom, top = _lowest(parts), _beyond(parts), (0, 0, 0), (HIGHEST, 0, 0)
    bounds = {
        ">=": (low, top),
        ">": (high, top),
        "<": (bottom, low),
        "<=": (bottom, high),
        "^": (low, _caret(parts)),
        "~": (low, _beyond(parts[:2])),
        "~>": (low, _beyond(parts[:2])),
    }
    return bounds.get(operator, (low, high))


def _numbers(parts: tuple[str | None, ...]) -> list[int]:
    """The numbers before the first wildcard."""
    known: list[int] = []
    for part in parts:
        if part is None or not part.isdecimal():
            break
        known.append(int(part))
    return known


def _lowest(parts: tuple[str | None, ...]) -> Version:
    major, minor, patch = [*_numbers(parts), 0, 0, 0][:3]
    return major, minor, patch


def _beyond(parts: tuple[str | None, ...]) -> Version:
    """The first version that "1", "1.2" or "1.2.3" does not mean any more."""
    known = _numbers(parts)
    if not known:
        return HIGHEST, 0, 0
    major, minor, patch = [*known[:-1], known[-1] + 1, 0, 0][:3]
    return major, minor, patch


def _caret(parts: tuple[str | None, ...]) -> Version:
    """Up to the next change of the first number that is not zero."""
    known = _numbers(parts)
    place = next((index for index, number in enumerate(known) if number), max(len(known) - 1, 0))
    return _beyond(tuple(str(number) for number in known[: place + 1]))
