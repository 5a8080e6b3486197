"""Procfile: the process types of a codebase and the command of each, read when a slug is built.

    entry = [blanks] type ":" [blanks] command [blanks]      one a line; "#" starts a comment line

A line that is neither an entry, a comment nor blank is an error: a typo must not mean "the worker never started".
"""

import re
from dataclasses import dataclass, field

from twelve.core.errors import BadProcfile
from twelve.core.formats import text
from twelve.core.formats.text import BLANKS, Diagnostic

_ENTRY = re.compile(r"([ \t]*)([_-]*[A-Za-z0-9][A-Za-z0-9_-]*):(.*)", re.DOTALL)
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST_TYPE = 63


def parse(data: bytes) -> tuple[dict[str, str], list[Diagnostic]]:
    """Type -> command in file order, and every finding in file order."""
    source, problems = text.decode(data)
    if problems:
        return {}, problems
    reader = _Reader()
    for number, line in enumerate(source.split("\n"), 1):
        reader.read(number, line)
    if not reader.types and not text.errors_of(reader.notes):
        reader.notes.append(text.warning(1, 1, "no-process-types", "no process types"))
    return reader.types, reader.notes


def load(data: bytes, file: str = "Procfile") -> tuple[dict[str, str], list[Diagnostic]]:
    """The process types and the warnings; raises BadProcfile with the first error's place and all errors as its log."""
    types, notes = parse(data)
    if text.errors_of(notes):
        text.refuse(BadProcfile, file, notes, render(notes, data, file))
    return types, notes


def render(notes: list[Diagnostic], data: bytes, file: str = "Procfile") -> list[str]:
    """Each finding with its source line and a caret, as lines."""
    return [line for note in notes for line in text.describe_with_source(file, note, data)]


@dataclass(slots=True)
class _Reader:
    types: dict[str, str] = field(default_factory=dict)
    notes: list[Diagnostic] = field(default_factory=list)
    defined: dict[str, int] = field(default_factory=dict)
    continuing: int = 0  # the number of the line before, when it ends in an odd number of backslashes

    def read(self, number: int, line: str) -> None:
        continued, self.continuing = self.continuing, 0
        if "\0" in line:
            self.error(number, line.index("\0"), "control-character", "NUL character")
        elif continued and line.startswith((" ", "\t")):
            self.continuing = number if _ends_open(line.rstrip(BLANKS)) else 0
            problem = f'a command is one line; the "\\" that ends line {continued} does not continue it'
            self.error(number, 0, "continued-line", problem)
        elif line.strip(BLANKS) and not line.lstrip(BLANKS).startswith("#"):
            self.entry(number, line)

    def entry(self, number: int, line: str) -> None:
        match = _ENTRY.fullmatch(line)
        if not match:
            problem = 'expected "<type>: <command>"; a type has letters, digits, "-" and "_"'
            return self.error(number, _first_wrong(line), "bad-entry", problem)
        indent, name, command = match[1], match[2], match[3].strip(BLANKS)
        self.continuing = number if _ends_open(command) else 0
        start = len(indent)
        if len(name) > _LONGEST_TYPE:
            problem = f"process type is longer than {_LONGEST_TYPE} characters"
            return self.error(number, start, "name-too-long", problem)
        if name in self.defined:
            problem = f'process type "{name}" is already defined on line {self.defined[name]}'
            return self.error(number, start, "duplicate-name", problem)
        self.defined[name] = number
        if not command or command.startswith("#"):
            return self.error(number, start, "empty-command", f'process type "{name}" has no command')
        self.types[name] = command
        return self.warn_about(number, start, name)

    def warn_about(self, number: int, start: int, name: str) -> None:
        if start:
            message = "blanks before the process type are ignored"
            self.notes.append(text.warning(number, 1, "leading-space", message))
        if not _DNS_LABEL.fullmatch(name):
            message = f'process type "{name}" is not a DNS label; Kubernetes objects get another name'
            if name.lower() == "web":
                message += '; only "web" receives HTTP'
            self.notes.append(text.warning(number, start + 1, "name-not-dns", message))

    def error(self, number: int, offset: int, code: str, message: str) -> None:
        self.notes.append(text.error(number, offset + 1, code, message))


def _ends_open(command: str) -> bool:
    return (len(command) - len(command.rstrip("\\"))) % 2 == 1


def _first_wrong(line: str) -> int:
    name = re.match(r"([ \t]*)[A-Za-z0-9_-]*", line)
    assert name
    return len(name[1]) if line[name.end() :].startswith(":") else name.end()
