"""How production starts each process type: the command, where it is written, and every command that it leads to.

Procfile > heroku.yml > Dockerfile's last stage > the files of other hosts > fly.toml > package.json's start script >
what Compose builds from here > Kubernetes > what the language's builder starts by default.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from twelve.audit.codebase import Codebase, SourceFile
from twelve.audit.facts import hosts, yamls
from twelve.audit.facts.conditions import Conditions
from twelve.audit.facts.dockerfile import production_stages
from twelve.audit.facts.manifests import line_of, package_json, parsed_toml
from twelve.core.formats import procfile

WEB = "web"
MOST_SCRIPTS = 50
LONGEST = 500  # commands of one process type
Seen = set[tuple[str, int | None, str]]  # scripts that are open already: each of them says what it says once
_NPM = re.compile(r"^(?:npm|pnpm|yarn|bun)\s+(?:run(?:-script)?\s+)?([\w:.-]+)")
_SIMPLE = re.compile(
    r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^'"\\;&|\n]|(?<!&)&(?!&)|(?<!\|)\|(?!\|)|['"\\])+""", re.DOTALL
)
_ASSIGNED = re.compile(r"^(?:[A-Za-z_]\w*=\S*\s+)+")
_WRAPPERS = {"exec", "env", "time", "nice", "tini", "dumb-init", "--", "newrelic-admin", "run-program", "ddtrace-run",
             "opentelemetry-instrument", "poetry", "pipenv", "uv", "run", "bundle", "npx", "command", "cross-env",
             "cross-env-shell", "then", "do", "else", "if", "elif", "until", "while", "!", "{", "("}  # fmt: skip
_LAUNCHERS = {
    "dotenv",
    "dotenvx",
    "doppler",
    "infisical",
    "op",
    "env-cmd",
    "chamber",
}  # `doppler run -- node server.js`
_IN_PARALLEL = {"concurrently"}  # each of its words is a command line
_SHELLS = {"sh", "bash", "ash", "dash", "zsh"}
_KEYWORDS = {"", "then", "do", "else", "fi", "done", "esac", "{", "}"}
_ONE_OFF = re.compile(r"^(?:release|(?:db[-_]?)?migrat\w*+|seed\w*+|setup|init|console|shell|postdeploy)$")
_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*+=")
_INLINE = re.compile(r"-\w*c")


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command. `words` leave out assignments and wrappers such as `exec` or `poetry run`.

    `on_demand`: it runs only when a variable or an argument asks for it.
    """

    text: str
    path: str
    line: int | None
    on_demand: bool = False

    @property
    def words(self) -> list[str]:
        return list(_words(self.text))

    @property
    def program(self) -> str:
        return PurePosixPath(self.words[0]).name if self.words else ""


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    try:
        found = shlex.split(_ASSIGNED.sub("", text))
    except ValueError:
        found = text.split()
    while len(found) > 1 and (PurePosixPath(found[0]).name in _WRAPPERS or _ASSIGNMENT.match(found[0])):
        found = found[1:]
    if found and found[0] in _LAUNCHERS and "--" in found[:-1]:
        return _words(shlex.join(found[found.index("--") + 1 :]))
    return tuple(found)


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
    for source in (
        _of_procfile, _of_heroku_yml, _of_docker, _of_hosts, _of_fly, _of_package_json, _of_compose, _of_kubernetes,
        _of_builder,
    ):  # fmt: skip
        if found := [_with_chain(code, start) for start in source(code)]:
            return found
    return []


def is_one_off(start: Start) -> bool:
    """A process type that is run by hand, by the clock or before a release, and not kept running."""
    return bool(_ONE_OFF.match(start.type))


def web(code: Codebase) -> Start | None:
    every = code.fact(starts)
    return next((start for start in every if start.type == WEB), None)


def in_container(code: Codebase) -> list[Start]:
    """How the root's own Dockerfile starts the app, where something else says so first: another documented way."""
    if not (first := code.fact(starts)) or first[0].origin == "Dockerfile":
        return []
    return [_with_chain(code, one) for one in _of_docker(code) if "/" not in one.path]


def composed(code: Codebase) -> list[Start]:
    """The services that a Compose file at the root builds from this codebase and gives their command."""
    return [_with_chain(code, one) for one in _of_compose(code)]


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
            told = command.get("command") if isinstance(command, yamls.Map) else command
            if text := _joined(told):
                yield Start(kind, text, file, kinds.lines[kind], "heroku.yml")


def _of_docker(code: Codebase) -> Iterator[Start]:
    for stage in production_stages(code)[:1]:
        entry, command = stage.last("ENTRYPOINT"), stage.last("CMD")
        told = entry or command
        if told is None:
            return
        text = " ".join(_words_of(one.value, one.argv) for one in (entry, command) if one is not None)
        yield Start(WEB, text, told.path, (command or told).line, "Dockerfile")


def _of_hosts(code: Codebase) -> Iterator[Start]:
    for kind, path, line, command in hosts.started(code):
        yield Start(kind, command, path, line, path)


def _of_fly(code: Codebase) -> Iterator[Start]:
    file = code.get("fly.toml")
    if file is None:
        return
    kinds = parsed_toml(file).get("processes")
    for kind, command in kinds.items() if isinstance(kinds, dict) else []:
        if isinstance(command, str) and command:
            yield Start(WEB if kind == "app" else kind, command, "fly.toml", line_of(file, command), "fly.toml")


def _of_compose(code: Codebase) -> Iterator[Start]:
    """What is written for production; where nothing is, what there is for development."""
    usual = ("compose.y*ml", "docker-compose.y*ml")
    for file in code.find("compose.prod*.y*ml", "docker-compose.prod*.y*ml") or code.find(*usual):
        for document in yamls.documents(file) if "/" not in file.path else []:
            services = document.get("services") if isinstance(document, yamls.Map) else None
            for name, service in services.items() if isinstance(services, yamls.Map) else []:
                if isinstance(service, yamls.Map) and "build" in service and (text := _argv(service.get("command"))):
                    yield Start(name, text, file.path, service.lines["command"], "Compose")


def _of_kubernetes(code: Codebase) -> Iterator[Start]:
    for file in code.written_in("yaml"):
        for container in containers(yamls.documents(file)) if b"containers:" in file.data else []:
            if text := " ".join(filter(None, (_argv(container.get("command")), _argv(container.get("args"))))):
                line = container.lines.get("command") or container.lines.get("args")
                yield Start(str(container.get("name", WEB)), text, file.path, line, "Kubernetes")


def containers(values: list[Any], groups: tuple[str, ...] = ("containers",)) -> Iterator[yamls.Map]:
    """Of the pods inside of any kind of workload."""
    for value in values:
        spec = value.get("spec") if isinstance(value, yamls.Map) else None
        if isinstance(spec, yamls.Map):
            for listed in map(spec.get, groups):
                yield from (one for one in listed or [] if isinstance(one, yamls.Map))
            yield from containers([spec.get("template"), spec.get("jobTemplate")], groups)


def _of_builder(code: Codebase) -> Iterator[Start]:
    """What a language's builder starts when nobody says: Rails, Rack, Spring, Go, and a server.js."""
    defaults = (
        ("config/application.rb", "rails server", "Ruby"),
        ("config.ru", "rackup", "Ruby"),
        ("main.go", "bin/main", "Go"),
        ("server.js", "node server.js", "Node"),
    )
    for path, command, language in defaults:
        file = code.get(path)
        if file and (language != "Go" or b"func main" in file.data):
            yield Start(WEB, command, path, None, f"the {language} builder")
            return
    mains = code.find("cmd/*/main.go")
    if len(mains) == 1 and code.get("go.mod"):
        yield Start(WEB, f"bin/{mains[0].path.split('/')[1]}", mains[0].path, None, "the Go builder")
        return
    for path, sign, jars in (
        ("pom.xml", b"spring-boot-maven-plugin", "target"),
        ("build.gradle", b"org.springframework.boot", "build/libs"),
        ("build.gradle.kts", b"org.springframework.boot", "build/libs"),
    ):
        if (file := code.get(path)) and sign in file.data:
            yield Start(WEB, f"java -jar {jars}/*.jar", file.path, None, "the Java builder")
            return


def _of_package_json(code: Codebase) -> Iterator[Start]:
    package = code.fact(package_json)
    for name in ("start:prod", "start:production", "start") if package else ():
        if package and (command := package.scripts.get(name)):
            told = f"npm run {name}" if f"pre{name}" in package.scripts else command
            yield Start(WEB, told, package.path, package.line_of(name), "package.json")
            return


def _yaml_maps(code: Codebase, name: str, key: str) -> Iterator[tuple[str, yamls.Map]]:
    file = code.get(name)
    for document in yamls.documents(file) if file else []:
        if isinstance(document, yamls.Map) and isinstance(document.get(key), yamls.Map):
            yield file.path, document[key]  # type: ignore[union-attr]


def _argv(told: Any) -> str:
    """Of a command as YAML has it: a line, or a list of words."""
    if isinstance(told, list):
        return _words_of("", [word for word in told if isinstance(word, str)])
    return told if isinstance(told, str) else ""


def _joined(told: Any) -> str:
    """Of a command as YAML has it: a line, or a list of lines."""
    if isinstance(told, list):
        return " && ".join(word for word in told if isinstance(word, str))
    return told if isinstance(told, str) else ""


def _words_of(value: str, argv: list[str] | None) -> str:
    return value if argv is None else _inline(argv) or shlex.join(argv)


def _inline(argv: list[str]) -> str:
    """The command line inside `sh -c` counts, not the shell."""
    is_shell = len(argv) >= 3 and PurePosixPath(argv[0]).name in _SHELLS and _INLINE.fullmatch(argv[1])
    return argv[2] if is_shell else ""


def _with_chain(code: Codebase, start: Start) -> Start:
    opened = _opened(code, start.command, start.path, start.line, set(), Conditions(start.command))
    return Start(start.type, start.command, start.path, start.line, start.origin, tuple(islice(opened, LONGEST)))


def _opened(
    code: Codebase, text: str, path: str, line: int | None, seen: Seen, conditions: Conditions
) -> Iterator[Command]:
    for raw in map(str.strip, _SIMPLE.findall(text)):
        part, on_demand = conditions.take(raw)
        if part in _KEYWORDS or part.startswith("#"):
            continue
        command = Command(part, path, line, on_demand)
        if inline := _inline(command.words):
            if _is_new(seen, path, line, inline):
                yield from _opened(code, inline, path, line, seen, conditions)
        elif scripts := _scripts(code, command):
            for inner, where, first in scripts:
                if _is_new(seen, where, first, inner):
                    yield from _lines_opened(code, inner, where, first, seen, conditions)
        else:
            yield command


def _is_new(seen: Seen, path: str, line: int | None, text: str) -> bool:
    known = (path, line, text) in seen
    seen.add((path, line, text))
    return not known and len(seen) <= MOST_SCRIPTS


def _lines_opened(
    code: Codebase, text: str, path: str, first: int | None, seen: Seen, conditions: Conditions
) -> Iterator[Command]:
    """A script's lines have lines of their own; one from a manifest has the manifest's."""
    begun, joined = 0, ""
    for number, raw in enumerate(text.split("\n"), start=1):
        begun = begun if joined else number
        joined = f"{joined} {raw.strip()}".strip()
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        yield from _opened(code, joined, path, begun if first is None else first, seen, conditions)
        joined = ""


def _scripts(code: Codebase, command: Command) -> list[tuple[str, str, int | None]]:
    """What a command opens: an npm script with what runs before and after it, or a shell script of the codebase."""
    package = code.fact(package_json)
    match = _NPM.match(_ASSIGNED.sub("", command.text))
    if package and match and match[1] in package.scripts:
        names = [name for name in (f"pre{match[1]}", match[1], f"post{match[1]}") if name in package.scripts]
        return [(package.scripts[name], package.path, package.line_of(name) or 1) for name in names]
    words = command.words
    if command.program in _IN_PARALLEL:
        return [(word, command.path, command.line) for word in words[1:] if " " in word]
    named = [word for word in words[1:] if not word.startswith("-")] if command.program in _SHELLS else words
    file = own_file(code, named[0]) if named else None
    is_shell = file and (file.language == "shell" or (file.data.startswith(b"#!") and b"sh" in file.data[:30]))
    return [(file.text, file.path, None)] if file and is_shell else []


def own_file(code: Codebase, name: str) -> SourceFile | None:
    """The file of the codebase that a path in a command means; images keep the code in /app and the like."""
    parts = [part for part in PurePosixPath(name).parts if part not in {"/", "."}]
    tails = ("/".join(parts[start:]) for start in range(min(len(parts), 4)))
    return next((file for tail in tails if (file := code.get(tail))), None)
