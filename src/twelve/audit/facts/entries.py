"""The files that start commands run: as programs (`python app.py`), or for a server to import (`gunicorn app:app`)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from twelve.audit.codebase import Codebase, SourceFile
from twelve.audit.facts import servers, start
from twelve.audit.facts.start import WEB, Command, Start

_MODULE = re.compile(r"^([A-Za-z_][\w.]*)(?::[\w.]+(?:\(.*\))?)?$")
_WITH_ATTRIBUTE = re.compile(r"^[A-Za-z_][\w.]*:[\w.]+(\(.*\))?$")
_SCRIPT = re.compile(r"\.(py|[cm]?[jt]s|rb|go|jar)$")
_JS = (".js", ".ts", ".mjs", ".cjs", "/index.js", "/index.ts")
_BUILT = re.compile(r"^(dist|build|out|lib|\.next)/")


@dataclass(frozen=True, slots=True)
class Entry:
    """`runs`: it is the program itself, so what guards against an import runs as well."""

    file: SourceFile
    type: str
    command: Command
    runs: bool


def entries(code: Codebase) -> list[Entry]:
    every = [*code.fact(start.starts), *code.fact(start.in_container)]
    return [entry for one in every for command in one.chain for entry in _entries(code, one.type, command)]


def web_entries(code: Codebase) -> list[Entry]:
    return [entry for entry in code.fact(entries) if entry.type == WEB]


def web_starts(code: Codebase) -> list[Start]:
    """The first is how production starts; the others are other ways."""
    web = code.fact(start.web)
    return [one for one in (web, *code.fact(start.in_container)) if one is not None and one.chain]


def _entries(code: Codebase, kind: str, command: Command) -> Iterator[Entry]:
    words, program = command.words, command.program
    if program.startswith("python") and words[1:2] != ["-m"]:
        yield from _some(code, kind, command, [word for word in words[1:] if word.endswith(".py")][:1], runs=True)
    elif program.startswith("python") and servers.of(command) is None:
        yield from _some(code, kind, command, words[2:3], runs=True)
    elif servers.of(command) or program in {"celery", "rq", "arq", "dramatiq"}:
        yield from _some(code, kind, command, _served(words), runs=False)
    elif program == "nest":
        yield from _some(code, kind, command, ["src/main.ts"], runs=True)
    elif program.endswith(".py"):
        yield from _some(code, kind, command, words[:1], runs=True)
    else:
        yield from _some(code, kind, command, _scripts(words), runs=True)


def _served(words: list[str]) -> list[str]:
    """`app.main:app`, or what an option names, or the first plain word that could be a module."""
    plain = [word.partition("=")[2] if word.startswith("--") else word for word in words[1:]]
    exact = [word for word in plain if _WITH_ATTRIBUTE.match(word)]
    return exact or [word for word in plain if _MODULE.match(word) or word.endswith(".py")]


def _scripts(words: list[str]) -> list[str]:
    named = [word for word in words[1:] if _SCRIPT.search(word) and not word.startswith("-")]
    if named or PurePosixPath(words[0] if words else "").name not in {"node", "ts-node", "tsx", "bun", "ruby"}:
        return named[:1]
    return [word for word in words[1:] if not word.startswith("-")][:1]


def _some(code: Codebase, kind: str, command: Command, names: list[str], *, runs: bool) -> Iterator[Entry]:
    for name in names:
        if file := resolved(code, name):
            yield Entry(file, kind, command, runs)
            return


def resolved(code: Codebase, name: str) -> SourceFile | None:
    """The file of a script's path or a dotted module, in the codebase or one directory below it."""
    path = "index" if name == "." else name.removeprefix("./").removeprefix("/app/").removeprefix("/")
    guesses = [path, *(path + ending for ending in _JS)]
    if match := _MODULE.match(name):
        dotted = match[1].replace(".", "/")
        guesses += [f"{dotted}.py", f"{dotted}/__init__.py", f"{dotted}/__main__.py"]
    if _BUILT.match(path):
        source = _BUILT.sub("", path)
        stem = re.sub(r"\.[cm]?js$", "", source)
        guesses += [f"src/{stem}.ts", f"{stem}.ts", f"src/{source}", source]
    for guess in guesses:
        if file := code.get(guess):
            return file if file.language else None
    tails = tuple(f"/{guess}" for guess in guesses if guess.endswith((".py", ".js", ".ts", ".rb")))
    below = [file for one, file in code.files.items() if tails and one.endswith(tails) and one.count("/") <= 2]
    return below[0] if len(below) == 1 else None
