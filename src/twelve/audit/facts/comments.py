"""Text without its comments: what is said in a comment is not done. Offsets and lines stay as they are."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice

from twelve.audit.codebase import SourceFile

_BRACES = r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))"""
# A slash begins a pattern, and no division, where a value has to follow.
_PATTERN = r"/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n]){0,99}+\]|[^/\\\[\n]){1,499}+/"
_SCRIPT = rf"(?:[=(,:\[!&|?{{;]|\breturn)[ \t]*+(?P<string>{_PATTERN})|" + _BRACES
_JAVA = r"""\"{3}(?:\\.|[^\\])*?\"{3}|""" + _BRACES
_HASHES = r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?P<comment>(?:(?<=\s)|^)\#[^\n]*)"""
_HEREDOC = r"<<[~-]?(?P<mark>[\"'`]?)(?P<heredoc>[A-Z_]\w*+)(?P=mark)"
_RUBY = rf"(?P<block>^=begin\b.*?^=end\b)|{_HEREDOC}|" + _HASHES
_PYTHON = r"""\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|""" + _HASHES
_PROPERTIES = r"(?P<comment>^[ \t]*[#!][^\n]*)"
_MARKUP = r"(?P<comment><!--.*?(?:-->|\Z))"
_PATTERNS = {
    **dict.fromkeys(("javascript", "typescript", "tsx"), _SCRIPT),
    "go": _BRACES,
    "java": _JAVA,
    **dict.fromkeys(("shell", "yaml", "toml", "dockerfile"), _HASHES),
    **dict.fromkeys(("properties", "ini", "env", "procfile"), _PROPERTIES),
    **dict.fromkeys(("xml", "html"), _MARKUP),
    "ruby": _RUBY,
    "python": _PYTHON,
}
QUOTING = {"python", "javascript", "typescript", "tsx", "ruby", "go", "java"}
_BRACKET = re.compile(r"""[()\[\]{}]|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`""")
_PART = re.compile(_BRACKET.pattern + "|,")
_HEREDOCS = re.compile(_HEREDOC)
MOST = 200  # matches of one file for each of which the whole file is looked at again
MOST_HEREDOCS = 100  # of one file: each is looked for to its end
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
            groups = match.groupdict()
            if comment := groups.get("comment") or groups.get("block"):
                return re.sub(r"[^\n]", " ", comment)
            if not groups.get("heredoc"):
                starts.append(match.start("string" if groups.get("string") else 0))
                ends.append(match.end())
            return match[0]

        text = _COMPILED[pattern].sub(blanked, file.text) if pattern else file.text
        if file.language == "ruby" and "<<" in text:
            starts, ends = _with_heredocs(text, starts, ends)
        kept = file.__dict__["_uncommented"] = (text, starts, ends)
    return kept


def _with_heredocs(text: str, starts: list[int], ends: list[int]) -> tuple[list[int], list[int]]:
    """The literals that stand outside of here documents, and these, from the line after their mark to their end."""
    found: list[tuple[int, int]] = []
    literals = list(zip(starts, ends, strict=True))
    for match in islice(_HEREDOCS.finditer(text), MOST_HEREDOCS):
        at = bisect_right(starts, match.start()) - 1
        is_quoted = (at >= 0 and match.start() < ends[at]) or (found and match.start() < found[-1][1])
        begin = text.find("\n", match.end())
        end = re.compile(rf"^[ \t]*+{match['heredoc']}$", re.MULTILINE).search(text, begin) if begin > 0 else None
        if end and not is_quoted:
            found.append((begin, end.start()))
    outside = [one for one in literals if not any(begin < one[0] < end for begin, end in found)]
    both = sorted([*outside, *found])
    return [start for start, _ in both], [end for _, end in both]


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


def arguments(text: str) -> list[str]:
    """The parts of what stands between the brackets of a call, told apart by the commas that no inner bracket has."""
    depth, begin, parts = 0, 0, []
    for match in _PART.finditer(text):
        if match[0] in {"(", "[", "{"}:
            depth += 1
        elif match[0] in {")", "]", "}"}:
            depth -= 1
        elif match[0] == "," and depth == 0:
            parts.append(text[begin : match.start()].strip())
            begin = match.end()
    return [part for part in [*parts, text[begin:].strip()] if part]
