"""The keys a codebase needs, from its .env.example: every key that is not commented out.

Nobody runs such a file, so it is read with tolerance: what cannot be understood is passed over.
"""

import codecs
import re

from twelve.core.formats.dotenv import quoted_value
from twelve.core.formats.text import LIMIT, unix_lines

_KEY_LINE = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<key>[A-Za-z_][A-Za-z0-9_]*)[ \t]*(?:=[ \t]*|:[ \t]|(?=\n|\Z))")


def parse(data: bytes) -> dict[str, int]:
    """Key -> its line, the first one when it is there twice."""
    source = unix_lines(data[:LIMIT].removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace"))
    keys: dict[str, int] = {}
    start, line = 0, 1
    while start < len(source):
        match = _KEY_LINE.match(source, start)
        if match:
            keys.setdefault(match["key"], line)
        end = _line_end(source, _value_end(source, match.end()) if match else start)
        line += source.count("\n", start, end) + 1
        start = end + 1
    return keys


def _value_end(source: str, start: int) -> int:
    """Where a quoted value of several lines ends; a quote that closes nowhere sensible is only a character."""
    found = quoted_value(source, start)
    return found[1] if found and found[2] else start


def _line_end(source: str, start: int) -> int:
    end = source.find("\n", start)
    return len(source) if end < 0 else end
