"""Text without its comments: what is said in a comment is not done. Offsets and lines stay as they are."""

import re
from bisect import bisect_right
from collections.abc import Iterator

from twelve.audit.codebase import SourceFile

_BRACES = r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))"""
_HASHES = r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?P<comment>(?:(?<=\s)|^)\#[^\n]*)"""
_RUBY = r"(?P<block>^=begin\b.*?^=end\b)|" + _HASHES
_PYTHON = r"""\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|""" + _HASHES
_PROPERTIES = r"(?P<comment>^[ \t]*[#!][^\n]*)"
_MARKUP = r"(?P<comment><!--.*?(?:-->|\Z))"
_PATTERNS = {
    **dict.fromkeys(("javascript", "typescript", "tsx", "go", "java"), _BRACES),
    **dict.fromkeys(("shell", "yaml", "toml", "dockerfile"), _HASHES),
    **dict.fromkeys(("properties", "ini", "env", "procfile"), _PROPERTIES),
    **dict.fromkeys(("xml", "html"), _MARKUP),
    "ruby": _RUBY,
    "python": _PYTHON,
}
QUOTING = {"python", "javascript", "typescript", "tsx", "ruby", "go", "java"}
_BRACKET = re.compile(r"""[()\[\]{}]|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`""")
_COMPILED = {text: re.compile(text, re.DOTALL | re.MULTILINE) for text in _PATTERNS.values()}


def uncommented(file: SourceFile) -> str:
    """`text` with every comment blanked; as it is when the language is none we know."""
    return _told(file)[0]


def is_inside_string(file: SourceFile, offset: int) -> bool:
    """Whether it stands within a string literal, behind its first quote: code that is only quoted is not done."""
    starts, ends = _told(file)[1:]
    at = bisect_right(starts, offset) - 1
    return at >= 0 and starts[at] < offset < ends[at]


def begins_string(file: SourceFile, offset: int) -> bool:
    starts = _told(file)[1]
    at = bisect_right(starts, offset) - 1
    return file.language not in QUOTING or (at >= 0 and starts[at] == offset)


def _told(file: SourceFile) -> tuple[str, list[int], list[int]]:
    """The text, and where its string literals begin and end."""
    kept: tuple[str, list[int], list[int]] | None = file.__dict__.get("_uncommented")
    if kept is None:
        pattern = _PATTERNS.get(file.language)
        starts: list[int] = []
        ends: list[int] = []

        def blanked(match: re.Match[str]) -> str:
            comment = match.groupdict().get("comment") or match.groupdict().get("block")
            if comment:
                return re.sub(r"[^\n]", " ", comment)
            starts.append(match.start())
            ends.append(match.end())
            return match[0]

        text = _COMPILED[pattern].sub(blanked, file.text) if pattern else file.text
        kept = file.__dict__["_uncommented"] = (text, starts, ends)
    return kept


def in_code(file: SourceFile, pattern: re.Pattern[str]) -> Iterator[tuple[int, re.Match[str]]]:
    """(line, match) of each match outside of comments and strings. Few files have any, so few are looked at closely."""
    if pattern.search(file.text):
        for match in pattern.finditer(uncommented(file)):
            if file.language not in QUOTING or not is_inside_string(file, match.start()):
                yield file.line_at(match.start()), match


def inside(text: str, opening: int, longest: int = 10_000) -> str:
    """What stands between the bracket at `opening` and the one that closes it; `longest` characters when none does."""
    closing = {"(": ")", "[": "]", "{": "}"}
    depth: list[str] = []
    for match in _BRACKET.finditer(text, opening, opening + longest):
        mark = match[0]
        if mark in closing:
            depth.append(closing[mark])
        elif depth and mark == depth[-1]:
            depth.pop()
            if not depth:
                return text[opening + 1 : match.start()]
    return text[opening + 1 : opening + longest]
