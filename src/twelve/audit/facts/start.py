"""How production starts each process type: the command, where it is written, and every command that it leads to.

Procfile > heroku.yml > Dockerfile's last stage > render.yaml, fly.toml > package.json's start script.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from twelve.audit.codebase import Codebase
from twelve.audit.facts import yamls
from twelve.audit.facts.dockerfile import production_stages
from twelve.audit.facts.manifests import package_json
from twelve.core.formats import procfile

WEB = "web"
DEEPEST = 5  # scripts that call scripts
_NPM = re.compile(r"^(?:npm|pnpm|yarn|bun)\s+(?:run(?:-script)?\s+)?([\w:.-]+)")
_SPLIT = re.compile(r"\s*(?:&&|\|\||;|\n)\s*")
_ASSIGNED = re.compile(r"^(?:[A-Za-z_]\w*=\S*\s+)+")
_WRAPPERS = {"exec", "env", "time", "nice", "tini", "dumb-init", "--", "newrelic-admin", "run-program", "ddtrace-run",
             "opentelemetry-instrument", "poetry", "pipenv", "uv", "run", "bundle", "npx", "command"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command. `words` leave out assignments and wrappers such as `exec` or `poetry run`."""

    text: str
    path: str
    line: int | None

    @property
    def words(self) -> list[str]:
        try:
            found = shlex.split(_ASSIGNED.sub("", self.text))
        except ValueError:
            found = self.text.split()
        while len(found) > 1 and PurePosixPath(found[0]).name in _WRAPPERS:
            found = found[1:]
        return found

    @property
    def program(self) -> str:
        return PurePosixPath(self.words[0]).name if self.words else ""


@dataclass(frozen=True, slots=True)
class Start:
    """`chain` is what is run one after the other, scripts and npm scripts opened; the last one stays."""

    type: str
    command: str
    path: str
    line: int | None
    origin: str
    chain: tuple[Command, ...] = field(default=())


def starts(code: Codebase) -> list[Start]:
    """The process types of the first source that has any. None: nothing says how production starts."""
    for source in (_of_procfile, _of_heroku_yml, _of_docker, _of_render, _of_package_json):
        if found := [_with_chain(code, start) for start in source(code)]:
            return found
    return []


def web(code: Codebase) -> Start | None:
    every = code.fact(starts)
    return next((start for start in every if start.type == WEB), None)


def all_commands(code: Codebase) -> list[Command]:
    """What runs when the web processes and all others start; the release phase is not among it."""
    return [command for start in code.fact(starts) if start.type != "release" for command in start.chain]


def _of_procfile(code: Codebase) -> Iterator[Start]:
    file = code.get("Procfile")
    if file is None:
        return
    found, _ = procfile.parse(file.data)
    for kind, command in found.items():
        line = next(
            (number for number, text in enumerate(file.lines, 1) if re.match(rf"{re.escape(kind)}\s*:", text)), None
        )
        yield Start(kind, command, file.path, line, "Procfile")


def _of_heroku_yml(code: Codebase) -> Iterator[Start]:
    for file, kinds in _yaml_maps(code, "heroku.yml", "run"):
        for kind, command in kinds.items():
            text = command if isinstance(command, str) else " && ".join(map(str, (command or {}).get("command", [])))
            if text:
                yield Start(kind, text, file, kinds.lines[kind], "heroku.yml")


def _of_docker(code: Codebase) -> Iterator[Start]:
    for stage in production_stages(code)[:1]:
        entry, command = stage.last("ENTRYPOINT"), stage.last("CMD")
        told = entry or command
        if told is None:
            return
        text = " ".join(_words_of(one.value, one.argv) for one in (entry, command) if one is not None)
        yield Start(WEB, text, told.path, (command or told).line, "Dockerfile")


def _of_render(code: Codebase) -> Iterator[Start]:
    file = code.get("render.yaml")
    for document in yamls.documents(file) if file else []:
        for service in document.get("services", []) if isinstance(document, yamls.Map) else []:
            if isinstance(service, yamls.Map) and isinstance(service.get("startCommand"), str):
                kind = str(service.get("type", WEB))
                yield Start(kind, service["startCommand"], "render.yaml", service.lines["startCommand"], "render.yaml")


def _of_package_json(code: Codebase) -> Iterator[Start]:
    package = code.fact(package_json)
    if package and (command := package.scripts.get("start")):
        yield Start(WEB, command, package.path, package.line_of("start"), "package.json")


def _yaml_maps(code: Codebase, name: str, key: str) -> Iterator[tuple[str, yamls.Map]]:
    file = code.get(name)
    for document in yamls.documents(file) if file else []:
        if isinstance(document, yamls.Map) and isinstance(document.get(key), yamls.Map):
            yield file.path, document[key]  # type: ignore[union-attr]


def _words_of(value: str, argv: list[str] | None) -> str:
    """The command line inside `sh -c` counts, not the shell."""
    if argv is None:
        return value
    if len(argv) == 3 and PurePosixPath(argv[0]).name in {"sh", "bash"} and argv[1] in {"-c", "-lc", "-ec"}:
        return argv[2]
    return shlex.join(argv)


def _with_chain(code: Codebase, start: Start) -> Start:
    chain = tuple(_opened(code, start.command, start.path, start.line, 0))
    return Start(start.type, start.command, start.path, start.line, start.origin, chain)


def _opened(code: Codebase, text: str, path: str, line: int | None, depth: int) -> Iterator[Command]:
    for part in _SPLIT.split(text.strip()):
        if not part or part.startswith("#"):
            continue
        command = Command(part, path, line)
        script = _script(code, command) if depth < DEEPEST else None
        if script is None:
            yield command
        else:
            inner, where, first = script
            yield from _lines_opened(code, inner, where, first, depth + 1)


def _lines_opened(code: Codebase, text: str, path: str, first: int | None, depth: int) -> Iterator[Command]:
    """A script's lines have lines of their own; one from a manifest has the manifest's."""
    is_script = path.endswith((".sh", ".bash")) or "\n" in text
    number = 0
    joined = ""
    for number, raw in enumerate(text.split("\n"), start=1):
        joined = (joined + " " + raw.strip()).strip()
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        yield from _opened(code, joined, path, number if is_script else first, depth)
        joined = ""


def _script(code: Codebase, command: Command) -> tuple[str, str, int | None] | None:
    """What a command opens: an npm script, or a shell script of the codebase."""
    package = code.fact(package_json)
    if package and (match := _NPM.match(_ASSIGNED.sub("", command.text))) and match[1] in package.scripts:
        return package.scripts[match[1]], package.path, package.line_of(match[1])
    words = command.words
    named = words[1:2] if words and command.program in {"sh", "bash"} else words[:1]
    for name in named:
        for candidate in (name, name.removeprefix("./"), name.removeprefix("/app/"), name.removeprefix("/")):
            file = code.get(candidate)
            if file is not None and (
                file.language == "shell" or (file.data.startswith(b"#!") and b"sh" in file.data[:30])
            ):
                return file.text, file.path, None
    return None
