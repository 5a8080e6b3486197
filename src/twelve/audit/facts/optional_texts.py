"""Whether JavaScript, Go or XML only counts when somebody asks for it, or in development: by what stands around it."""

import re

from twelve.audit.codebase import SourceFile
from twelve.audit.facts.comments import uncommented

LANGUAGES = {"javascript", "typescript", "tsx", "go", "xml"}
FAR = 4000  # characters before it that are looked at
NEAR = 240  # of a condition and what it guards
_IF = re.compile(r"\bif\s*\(?(?P<test>[^{};]{1,200}?)\)?\s*$")
_INLINE = re.compile(
    r"\bif\s*\((?P<test>[^{};\n]{1,200})\)\s*[^{};\n]{0,200}$|(?P<given>[^=;{}\n,(\[]{1,120}?)(?:&&|\?)[^;{}\n?:]{0,120}$"
)
_DEVELOPMENT = re.compile(
    r"NODE_ENV\W{1,9}!==?\s*['\"]prod|NODE_ENV\W{1,9}===?\s*['\"](?:dev|test|local)|^\s*(?:is_?)?dev\w*\s*$",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"(?<![!\w])(?:process\.env(?:\.|\[['\"])(?!NODE_ENV)\w|os\.Getenv\(\"|[\w.]{1,80}\s{0,3}!=\s{0,3}\"\")"
)
_NEGATED = re.compile(r"!==?\s*['\"](?:false|0)|===?\s*['\"](?:false|0)")
_PROFILE = re.compile(r"<springProfile\s+name\s*=\s*\"([^\"]{0,200})\"")
_LOCAL = {"dev", "development", "local", "test", "!prod", "!production"}


def opted_into(file: SourceFile, offset: int) -> bool:
    """In a branch that is off when nothing is configured."""
    text = uncommented(file)
    if file.language not in LANGUAGES:
        return False
    if file.language == "xml":
        return _in_a_local_profile(text, offset)
    before = text[max(0, offset - FAR) : offset]
    line = before[before.rfind("\n") + 1 :][-NEAR:]
    if (match := _INLINE.search(line)) and _asks(match["test"] or match["given"]):
        return True
    return any(_asks(match["test"]) for opening in _openings(before) if (match := _IF.search(before[:opening][-NEAR:])))


def _openings(before: str) -> list[int]:
    """Where the braces stand that are still open."""
    found: list[int] = []
    for match in re.finditer(r"[{}]", before):
        if match[0] == "{":
            found.append(match.start())
        elif found:
            found.pop()
    return found


def _asks(test: str) -> bool:
    return bool(_DEVELOPMENT.search(test)) or (bool(_ASKED.search(test)) and not _NEGATED.search(test))


def _in_a_local_profile(text: str, offset: int) -> bool:
    opening = text.rfind("<springProfile", 0, offset)
    match = _PROFILE.match(text, opening) if opening > text.rfind("</springProfile>", 0, offset) else None
    return match is not None and {name.strip() for name in re.split(r"[,|]", match[1])} <= _LOCAL
