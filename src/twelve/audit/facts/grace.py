"""How the app's own servers end: where they are started, and where SIGTERM is heard."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import entries, ports, servers, start
from twelve.audit.facts.comments import inside, uncommented
from twelve.audit.facts.imports import reached
from twelve.audit.facts.manifests import declared, node_dependencies
from twelve.audit.facts.pythons import calls, name_of

SCRIPTS = ("javascript", "typescript", "tsx")
HANDLED = re.compile(
    r"process\.(?:on|once|addListener)\s*\(\s*['\"`]SIGTERM|['\"]SIGTERM['\"]\s*[,\]]|\benableShutdownHooks\s*\("
    r"|\bApolloServerPluginDrainHttpServer\b|\bsignal\.signal\s*\(\s*(?:signal\.)?SIGTERM|\badd_signal_handler\s*\("
    r"|\btrap\s*+(?:\(\s*+)?['\"](?:SIG)?TERM|\baddShutdownHook\s*\(|@PreDestroy\b"
)
LISTEN = re.compile(r"\.listen\s*\(")
BUN, HAPI, HONO = (
    re.compile(text) for text in (r"\bBun\.serve\s*\(", r"\b\w+\.start\s*\(\s*\)", r"(?<![\w.])serve\s*\(")
)
MAKES_A_SERVER = re.compile(
    r"['\"](?:node:)?(?:https?|express|koa|fastify|restify|@hapi/hapi|polka|connect|@nestjs/core|\.[\w./-]*app)['\"]"
)
NOTIFIED = re.compile(r"\bsignal\.Notify(?:Context)?\s*\(")
# Their `run` ends gracefully by itself.
RUNNING = re.compile(r"^[ \t]*(?:from|import)\s+(sanic|quart)\b", re.MULTILINE)
PYTHON_SERVERS = {"WSGIServer": "gevent's server", "run_server": "the development server",
                  "grpc.server": "gRPC's server", "eventlet.wsgi.server": "eventlet's server"}  # fmt: skip
GO_GRACE = re.compile(r"\b(?:endless|manners|graceful|gracehttp|grace)\.?$")
GO_ASIDE = re.compile(r"(?:^|/)(?:tools?|scripts?|hack|internal/(?:tools?|testing)|mocks?)/")
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
    needles=(
        "SIGTERM",
        "enableShutdownHooks",
        "signal.Notify",
        "TERM",
        "addShutdownHook",
        "@PreDestroy",
        "ApolloServerPlugin",
    ),
)
def handlers(file: SourceFile) -> list[int]:
    text = uncommented(file)
    found = [match for match in NOTIFIED.finditer(text) if _hears_term(inside(text, match.end() - 1))]
    return [file.line_at(match.start()) for match in (*HANDLED.finditer(text), *found)]


def _hears_term(signals: str) -> bool:
    """Of Go's signal.Notify: one that names only others does not, one that names none hears all."""
    return "SIGTERM" in signals or not re.search(r"\bInterrupt\b|\bSIG[A-Z]+", signals)


@extraction(language=SCRIPTS, needles=(".listen(", ".listen (", "Bun.serve", "@hono/node-server", "@hapi/hapi"))
def listens(file: SourceFile) -> list[int]:
    """Only in files that make an HTTP server, or get it from one that does."""
    text = uncommented(file)
    found = [*BUN.finditer(text), *(HAPI.finditer(text) if "@hapi/hapi" in text else ())]
    found += HONO.finditer(text) if "@hono/node-server" in text else ()
    found += LISTEN.finditer(text) if MAKES_A_SERVER.search(text) else ()
    return sorted(file.line_at(match.start()) for match in found)


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
    imported = reached(code, [file for path in own if (file := code.get(path))])
    for path in [path for path in (*dict.fromkeys(own), *sorted(imported)) if path in listening][:1] or sorted(
        listening
    ):
        yield Serving("node's http server", path, listening[path][-1], grace)


def _python(code: Codebase) -> Iterator[Serving]:
    for entry in code.fact(entries.web_entries):
        if entry.runs and entry.file.language == "python":
            serving = {id(call) for call in ports.serving_calls(entry.file)}
            for call in calls(entry.file):
                name = name_of(call.func)
                other = PYTHON_SERVERS.get(name) or PYTHON_SERVERS.get(name.rpartition(".")[2], "")
                if other or id(call) in serving:
                    known = PYTHON_GRACE.get(name, "") or _running(entry.file)
                    grace = f"{known} stops gracefully on SIGTERM" if known else _heard(code, "python")
                    called = known or other or "the development server"
                    yield Serving(called, entry.file.path, call.lineno, grace)


def _running(file: SourceFile) -> str:
    match = RUNNING.search(file.text)
    return match[1] if match else ""


def _go(code: Codebase) -> Iterator[Serving]:
    patterns = [re.compile(call.pattern) for call in servers.CALLS if "go" in call.languages]
    for file in code.written_in("go") if code.get("go.mod") else ():
        if b"package main" in file.data and not GO_ASIDE.search(file.path):
            text = uncommented(file)
            found = [match for pattern in patterns for match in pattern.finditer(text)]
            for match in found:
                graceful = GO_GRACE.search(text[max(0, match.start() - 20) : match.start() + 1])
                if graceful:
                    continue
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
