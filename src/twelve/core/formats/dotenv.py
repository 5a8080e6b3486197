"""The .env file: config for local runs, and the form `config export` writes.

    entry = [blanks] ["export" blanks] KEY [blanks] "=" [blanks] value

Nothing is interpolated. Values are secrets, so no finding ever quotes one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from twelve.core.errors import BadDotenv, ConfigError
from twelve.core.formats import text
from twelve.core.formats.text import BLANKS, Diagnostic

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHOWABLE_KEY = re.compile(r"[\w.\-'\" ]{0,64}")
_EXPORT = re.compile(r"export[ \t]+")
_QUOTED = re.compile(r"""'(?P<single>[^']*+)'|"(?P<double>[^"\\]*+(?:\\.[^"\\]*+)*+)\"""", re.DOTALL)
_REST_OF_LINE = re.compile(r"(?:[ \t]+#[^\n]*|[ \t]*)(?=\n|\Z)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}
_BARE = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")


def parse(data: bytes) -> tuple[dict[str, str], list[Diagnostic]]:
    """Key -> value in file order, and every finding, by line."""
    source, problems = text.decode(data)
    if problems:
        return {}, problems
    reader = _Reader(source)
    reader.read()
    unfit = text.nul_characters(source)
    lines = {note.line for note in unfit}
    others = [note for note in reader.notes if note.line not in lines]
    return reader.values, sorted(unfit + others, key=lambda note: note.line)


def load(data: bytes, file: str = ".env") -> dict[str, str]:
    """The values; raises BadDotenv with the first error's place and all errors as its log."""
    values, notes = parse(data)
    if text.errors_of(notes):
        text.refuse(BadDotenv, file, notes, render(notes, file))
    return values


def render(notes: list[Diagnostic], file: str = ".env") -> list[str]:
    """A line a finding: position and key, never a value or a source line."""
    return [text.describe(file, note) for note in notes]


def is_key(key: str) -> bool:
    return _KEY.fullmatch(key) is not None


def dump(mapping: Mapping[str, str]) -> str:
    """Text that `parse` reads back as the same mapping."""
    return "".join(f"{key}={_written(key, value)}\n" for key, value in mapping.items())


def quoted_value(source: str, start: int) -> tuple[str, int, bool] | None:
    """The value quoted at `start`, the offset after its closing quote, and whether the line ends cleanly there.

    None when the quote is never closed.
    """
    match = _QUOTED.match(source, start)
    if not match:
        return None
    clean = _REST_OF_LINE.match(source, match.end()) is not None
    if match["single"] is not None:
        return match["single"], match.end(), clean
    value = re.sub(r"\\(.)", lambda pair: _ESCAPES.get(pair[1], pair[0]), match["double"], flags=re.DOTALL)
    return value, match.end(), clean


@dataclass(slots=True)
class _Reader:
    source: str
    values: dict[str, str] = field(default_factory=dict)
    notes: list[Diagnostic] = field(default_factory=list)
    line: int = 1
    line_start: int = 0

    def read(self) -> None:
        for line in self.lines():
            stripped = line.strip(BLANKS)
            if stripped and not stripped.startswith("#"):
                self.entry(line)

    def lines(self) -> Iterator[str]:
        """The next line from wherever the last entry ended."""
        while self.line_start < len(self.source):
            yield self.source[self.line_start : self.line_end()]
            self.line_start = self.line_end() + 1
            self.line += 1

    def line_end(self) -> int:
        end = self.source.find("\n", self.line_start)
        return len(self.source) if end < 0 else end

    def entry(self, line: str) -> None:
        head, equals, value = line.partition("=")
        column = len(head) - len(head.lstrip(BLANKS)) + 1
        if not equals:
            return self.error(column, "no-equals", "expected KEY=value")
        written = head.strip(BLANKS)
        key = _EXPORT.sub("", written, count=1) if _EXPORT.match(written) else written
        if not is_key(key):
            column += len(written) - len(key)
            return self.error(column, "bad-key", _bad_key(key, value))
        if value.lstrip(BLANKS).startswith(("'", '"')):
            offset = len(line) - len(value.lstrip(BLANKS))
            return self.quoted(key, self.line_start + offset)
        self.values[key] = re.split(r"[ \t]#", value, maxsplit=1)[0].strip(BLANKS)
        return None

    def quoted(self, key: str, start: int) -> None:
        found = quoted_value(self.source, start)
        if found is None:
            self.error(start - self.line_start + 1, "unterminated-quote", "the quote opened here is never closed")
            self.line_start = len(self.source)
            return
        value, end, clean = found
        self.line += self.source.count("\n", start, end)
        self.line_start = max(self.line_start, self.source.rfind("\n", start, end) + 1)
        if clean:
            self.values[key] = value
        else:
            problem = f'unexpected text after the closing quote of "{key}"'
            self.error(end - self.line_start + 1, "text-after-quote", problem)

    def error(self, column: int, code: str, message: str) -> None:
        self.notes.append(text.error(self.line, column, code, message))


def _bad_key(key: str, value: str) -> str:
    """Names the key, unless it looks like the tail of an unquoted multi-line secret (base64 ends in "=")."""
    shown = f'"{key}"' if _SHOWABLE_KEY.fullmatch(key) and value.strip("= \t") else "this"
    return f'{shown} is not a variable name (letters, digits, "_"; no digit first)'


def _written(key: str, value: str) -> str:
    if not is_key(key):
        raise ConfigError(f'"{key}" cannot be written to a .env file: it is not a variable name.')
    if "\0" in value:
        raise ConfigError(f'The value of "{key}" cannot be written to a .env file: it contains a NUL character.')
    if _BARE.fullmatch(value):
        return value
    if not re.search(r"['\r\n]", value):
        return f"'{value}'"
    escaped = re.sub(r'[\\"$]', r"\\\g<0>", value)
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r") + '"'
