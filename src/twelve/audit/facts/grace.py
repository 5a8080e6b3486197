"""How the app's own servers end: where they are started, and where SIGTERM is heard."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import entries, ports, servers, start
from twelve.audit.facts.comments import uncommented
from twelve.audit.facts.manifests import declared, node_dependencies
from twelve.audit.facts.pythons import name_of

SCRIPTS = ("javascript", "typescript", "tsx")
HANDLED = re.compile(
    r"process\.(?:on|once|addListener)\s*\(\s*['\"`]SIGTERM|['\"]SIGTERM['\"]\s*[,\]]|\benableShutdownHooks\s*\("
    r"|\bsignal\.Notify(?:Context)?\s*\(|\bsignal\.signal\s*\(\s*(?:signal\.)?SIGTERM|\badd_signal_handler\s*\("
    r"|\btrap\s*+(?:\(\s*+)?['\"](?:SIG)?TERM|\baddShutdownHook\s*\(|@PreDestroy\b"
)
# Programs of the interpreter that serve, and stop gracefully without being asked.
PYTHON_GRACE = {"uvicorn.run": "uvicorn", "web.run_app": "aiohttp", "hypercorn.run": "hypercorn"}
SPRING = re.compile(
    r"spring-boot-starter-parent</artifactId>\s*<version>\s*(\d+)\.(\d+)|org\.springframework\.boot['\"]\)?\s*version\s*['\"](\d+)\.(\d+)"
)
SPRING_GRACE = re.compile(r"^[ \t]*(?:server\.)?shutdown\s*[=:]\s*graceful", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Serving:
    """A place where the code starts a server. `grace` says why it stops gracefully; empty when it does not."""

    name: str
    path: str
    line: int
    grace: str


@extraction(
    language=(*SCRIPTS, "go", "python", "ruby", "java"),
    needles=("SIGTERM", "enableShutdownHooks", "signal.Notify", "TERM", "addShutdownHook", "@PreDestroy"),
)
def handlers(file: SourceFile) -> list[int]:
    return [file.line_at(match.start()) for match in HANDLED.finditer(uncommented(file))]


@extraction(language=SCRIPTS, needles=(".listen(", ".listen ("))
def listens(file: SourceFile) -> list[int]:
    """Only in files that make an HTTP server, or get it from one that does."""
    text = uncommented(file)
    if not re.search(
        r"['\"](?:node:)?(?:https?|express|koa|fastify|restify|@hapi/hapi|polka|connect|\.[\w./-]*app)['\"]", text
    ):
        return []
    return [file.line_at(match.start()) for match in re.finditer(r"\.listen\s*\(", text)]


def serving(code: Codebase) -> list[Serving]:
    """Of the web process; the servers that a command starts are not among them."""
    web = code.fact(start.web)
    if web is None or any(servers.of(command) for command in web.chain):
        return []
    return [*_node(code), *_python(code), *_go(code), *_spring(code)]


def _heard(code: Codebase, *languages: str) -> str:
    return next(
        (
            f"{file.path}:{lines[0]} handles SIGTERM"
            for file, lines in code.extracted(handlers)
            if file.language in languages
        ),
        "",
    )


def _node(code: Codebase) -> Iterator[Serving]:
    listening = {file.path: lines for file, lines in code.extracted(listens)}
    own = [entry.file.path for entry in code.fact(entries.web_entries) if entry.file.language in SCRIPTS]
    if not own and not code.fact(node_dependencies):
        return
    library = next((name for name in servers.NODE_GRACE if name in code.fact(declared)), "")
    grace = _heard(code, *SCRIPTS) or (library and f"{library} closes the server on SIGTERM")
    for path in [path for path in dict.fromkeys(own) if path in listening] or sorted(listening):
        yield Serving("node's http server", path, listening[path][-1], grace)


def _python(code: Codebase) -> Iterator[Serving]:
    for entry in code.fact(entries.web_entries):
        if entry.runs and entry.file.language == "python":
            for call in ports.serving_calls(entry.file):
                known = PYTHON_GRACE.get(name_of(call.func), "")
                grace = f"{known} stops gracefully on SIGTERM" if known else _heard(code, "python")
                yield Serving(known or "the development server", entry.file.path, call.lineno, grace)


def _go(code: Codebase) -> Iterator[Serving]:
    patterns = [re.compile(call.pattern) for call in servers.CALLS if "go" in call.languages]
    for file in code.written_in("go") if code.get("go.mod") else ():
        if b"package main" in file.data:
            text = uncommented(file)
            for match in (match for pattern in patterns for match in pattern.finditer(text)):
                yield Serving("net/http", file.path, file.line_at(match.start()), _heard(code, "go"))


def _spring(code: Codebase) -> Iterator[Serving]:
    files = code.find("application*.properties", "application*.yml", "application*.yaml")
    asked = next((file.path for file in files if SPRING_GRACE.search(uncommented(file))), "")
    for file in (code.get(name) for name in ("pom.xml", "build.gradle", "build.gradle.kts")):
        match = SPRING.search(uncommented(file)) if file else None
        if file and match:
            version = tuple(int(part) for part in match.groups() if part)
            by_default = "Spring Boot stops gracefully by default since 3.4" if version >= (3, 4) else ""
            yield Serving(
                "Spring Boot", file.path, file.line_at(match.end()), f"{asked} asks for it" if asked else by_default
            )
