"""Text without its comments: what is said in a comment is not done. Offsets and lines stay as they are."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import SourceFile

_BRACES = r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))"""
_HASHES = r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?P<comment>(?:(?<=\s)|^)\#[^\n]*)"""
_RUBY = r"(?P<block>^=begin\b.*?^=end\b)|" + _HASHES
_PROPERTIES = r"(?P<comment>^\s*[#!][^\n]*)"
_MARKUP = r"(?P<comment><!--.*?(?:-->|\Z))"
_PATTERNS = {
    **dict.fromkeys(("javascript", "typescript", "tsx", "go", "java"), _BRACES),
    **dict.fromkeys(("shell", "yaml", "toml", "dockerfile", "python"), _HASHES),
    **dict.fromkeys(("properties", "ini", "env", "procfile"), _PROPERTIES),
    **dict.fromkeys(("xml", "html"), _MARKUP),
    "ruby": _RUBY,
}
_BRACKET = re.compile(r"""[()\[\]{}]|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`""")
_COMPILED = {text: re.compile(text, re.DOTALL | re.MULTILINE) for text in _PATTERNS.values()}


def uncommented(file: SourceFile) -> str:
    """`text` with every comment blanked; as it is when the language is none we know."""
    kept: str | None = file.__dict__.get("_uncommented")
    if kept is None:
        pattern = _PATTERNS.get(file.language)
        kept = _COMPILED[pattern].sub(_blanked, file.text) if pattern else file.text
        file.__dict__["_uncommented"] = kept
    return kept


def in_code(file: SourceFile, pattern: re.Pattern[str]) -> Iterator[tuple[int, re.Match[str]]]:
    """(line, match) of each match outside of comments. Few files have any, so most are never freed of comments."""
    if pattern.search(file.text):
        yield from ((file.line_at(match.start()), match) for match in pattern.finditer(uncommented(file)))


def inside(text: str, opening: int) -> str:
    """What stands between the bracket at `opening` and the one that closes it; to the end when none does."""
    closing = {"(": ")", "[": "]", "{": "}"}
    depth: list[str] = []
    for match in _BRACKET.finditer(text, opening):
        mark = match[0]
        if mark in closing:
            depth.append(closing[mark])
        elif depth and mark == depth[-1]:
            depth.pop()
            if not depth:
                return text[opening + 1 : match.start()]
    return text[opening + 1 :]


def _blanked(match: re.Match[str]) -> str:
    comment = match.groupdict().get("comment") or match.groupdict().get("block")
    return re.sub(r"[^\n]", " ", comment) if comment else match[0]
