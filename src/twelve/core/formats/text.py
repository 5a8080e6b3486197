"""What Procfile, .env and app.json share: how bytes become text, and the one shape and look of a finding."""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from twelve.core.errors import TwelveError, Where

LIMIT = 1 << 20
BLANKS = " \t"
_SHOWN_WIDTH = 160


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A finding in a file; `line` and `column` from 1. Level "error" makes the result unusable, "warning" does not."""

    line: int
    column: int
    level: str
    code: str
    message: str


def error(line: int, column: int, code: str, message: str) -> Diagnostic:
    return Diagnostic(line, column, "error", code, message)


def warning(line: int, column: int, code: str, message: str) -> Diagnostic:
    return Diagnostic(line, column, "warning", code, message)


def errors_of(notes: Iterable[Diagnostic]) -> list[Diagnostic]:
    return [note for note in notes if note.level == "error"]


def decode(data: bytes) -> tuple[str, list[Diagnostic]]:
    """Text with LF as its only line end, or "" and the error that prevents it."""
    if len(data) > LIMIT:
        return "", [error(1, 1, "too-large", "larger than 1 MiB")]
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return unix_lines(data.decode("utf-8")), []
    except UnicodeDecodeError as problem:
        before = unix_lines(data[: problem.start].decode("utf-8"))
        line, column = position(before, len(before))
        return "", [error(line, column, "not-utf-8", "not valid UTF-8")]


def unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset into text with LF line ends."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def nul_characters(text: str) -> list[Diagnostic]:
    """One error for each line with a NUL: no process can be given one."""
    return [
        error(number, line.index("\0") + 1, "control-character", "NUL character")
        for number, line in enumerate(text.split("\n"), 1)
        if "\0" in line
    ]


def describe(file: str, note: Diagnostic) -> str:
    """One line, without a word of the file's content beyond the message: fit for files that hold secrets."""
    return f"{Where(file, note.line, note.column)}: {note.level}: {note.message}"


def describe_with_source(file: str, note: Diagnostic, data: bytes) -> list[str]:
    """The same, then the source line and a caret below the place. Never for a .env file: its lines are secrets."""
    lines = unix_lines(data[:LIMIT].removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")).split("\n")
    if note.line > len(lines):
        return [describe(file, note)]
    source = "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in lines[note.line - 1])
    start = max(0, note.column - _SHOWN_WIDTH // 2) if len(source) > _SHOWN_WIDTH else 0
    shown = source[start : start + _SHOWN_WIDTH]
    margin = re.sub(r"[^\t]", " ", shown[: max(note.column - 1 - start, 0)])
    return [describe(file, note), f"    {shown}", f"    {margin}^"]


def refuse(kind: type[TwelveError], file: str, notes: Iterable[Diagnostic], log: Iterable[str]) -> NoReturn:
    """Raise the first error, with where it is; `log` tells all of them."""
    first, *others = errors_of(notes)
    rest = f" ({len(others)} more below)" if others else ""
    raise kind(f"{first.message}{rest}.", where=Where(file, first.line, first.column), log=tuple(log))
