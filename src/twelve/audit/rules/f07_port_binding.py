"""Factor VII: the app serves by itself, on the port that the environment names."""

import posixpath
import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, Kind, SourceFile
from twelve.audit.facts import entries, ports, servers, start
from twelve.audit.facts.start import Command, Start
from twelve.audit.model import Evidence, Hit, Verdict
from twelve.audit.rule import ERROR, WARNING, Rulebook
from twelve.audit.rules import f07_servers

RULES = Rulebook()
RULES.rules += f07_servers.RULES.rules
_NUMBER = r"[= ]\s*['\"]?(?:[\w.\[\]*]*:)?(\d{2,5})\b"
PORT_OPTION = re.compile(
    r"(?:--port|--http-port|--http(?:-socket)?|-p|--bind|-b|--listen|--addr|--server\.port|-Dserver\.port"
    rf"|\bserve\s[^|;&]{{0,80}}?-l|\brunserver){_NUMBER}|(?:^|\s)PORT=['\"]?(\d{{2,5}})\b"
)
PORT_READ = re.compile(r"\$\{?PORT\b|\$env:PORT\b|%PORT%")
OTHER_READ = re.compile(r"(?:--?[\w.]{0,60}(?:port|bind|listen|addr)|-p|-b)[= ]\S{0,100}?\$\{?(\w++)", re.IGNORECASE)
HOST_OPTION = re.compile(r"(?:--bind|-b|--host|-h|--hostname|--listen|--addr|-H|\brunserver)[= ]\s*['\"]?(\S+)")
LOOPBACK = re.compile(r"^['\"]?(127\.|localhost|\[?::1)")
RUNSERVER = re.compile(r"\brunserver(?=[ \t]*+(?:\$|\d{2,5}\b(?!\.)|--|$))")
OWN_LOOPBACK = re.compile(
    r"^[ \t]*+(?:server\.address\s*+[=:]\s*+|bind[ (]++['\"]tcp://)(?:127\.|localhost)", re.MULTILINE
)
GUNICORN_BIND = re.compile(r"^bind\s*+=[ \t]*+f?['\"\[( ]++([\w.]*+:\d++)", re.MULTILINE)
SCRIPTS = (".js", ".ts", ".mjs", ".cjs")
LISTENS = re.compile(rb"\.listen\b|\bserve\s*\(")
LOADED = re.compile(r"(?:\brequire\(\s*|\bfrom\s+|\bimport\s+)['\"](\.[^'\"\n]{1,200})['\"]")
UWSGI_BIND = re.compile(r"^http(?:-socket)?[ \t]*+=[ \t]*+([\w.]*+:\d++)", re.MULTILINE)
PUMA_BIND = re.compile(r"^[ \t]*+(?:port[ (]++|bind[ (]++['\"]tcp://)([\w.:\[\]]*\d{2,5})\b", re.MULTILINE)
SPRING_PORT = re.compile(r"^[ \t]*(?:server\.port\s*[=:]|port\s*:)\s*(\d+|\$\{([\w.]++)[^}]*+\})", re.MULTILINE)


def irrelevant(code: Codebase) -> str:
    every = code.fact(start.starts)
    return "No process type is a web process." if every and code.fact(start.web) is None else ""


def witness(code: Codebase) -> Iterator[Evidence]:
    """The command that serves, and that it takes its port from the environment."""
    for one in code.fact(entries.web_starts):
        for command in serving(one):
            yield from _port_of_a_command(code, command)
    if any(_decides_itself(command) for one in code.fact(entries.web_starts) for command in serving(one)):
        for file, lines in code.extracted(ports.reads):
            yield Evidence("The code takes its port from $PORT", file.path, lines[0])


@RULES.of_code(
    "TF07-port-hardcoded",
    ERROR,
    "The app listens on a fixed port in production.",
    fix="Listen on $PORT, which the platform sets.",
    why="Factor VII: the app exports HTTP by binding to a port, and the execution environment says which.",
    bad={"Procfile": "web: uvicorn app:app --host 0.0.0.0 --port 8000\n"},
    good={"Procfile": "web: uvicorn app:app --host 0.0.0.0 --port $PORT\n"},
)
def port_is_fixed(code: Codebase) -> Iterator[Hit]:
    yield from _port_in_a_command(code)
    yield from _port_in_the_code(code)
    yield from _port_in_a_servers_file(code)


def _port_in_a_command(code: Codebase) -> Iterator[Hit]:
    for order, one in enumerate(code.fact(entries.web_starts)):
        for command in serving(one):
            server, match = servers.of(command), PORT_OPTION.search(command.text)
            if PORT_READ.search(command.text) or (OTHER_READ.search(command.text) and not match):
                continue
            if match:
                message = f"{command.program} listens on {match[1] or match[2]} whatever $PORT says."
            elif server and server.port and not _is_told_elsewhere(code, command):
                message = f"{server.name} does not read PORT: it listens on {server.port}."
            else:
                continue
            yield Hit(command.path, command.line, message, verdict=Verdict.PARTIAL if order else None)


def _port_in_the_code(code: Codebase) -> Iterator[Hit]:
    reading = {file.path for file, _ in code.extracted(ports.reads)}
    for entry in code.fact(entries.web_entries):
        if not entry.runs or entry.file.path in reading or PORT_READ.search(entry.command.text):
            continue
        for file in _listening(code, entry.file):
            for line, port in ports.fixed(file) if file.path not in reading else ():
                yield Hit(file.path, line, f"The app listens on {port} whatever $PORT says.")
    yield from _port_in_a_build(code, reading)


def _listening(code: Codebase, file: SourceFile) -> list[SourceFile]:
    """The file itself; a script that listens to nothing may hand that on to those it loads."""
    if not file.path.endswith(SCRIPTS) or LISTENS.search(file.data):
        return [file]
    names = (posixpath.join(posixpath.dirname(file.path), match[1]) for _, match in file.search(LOADED))
    return [found for name in names if (found := entries.resolved(code, posixpath.normpath(name)))]


def _port_in_a_build(code: Codebase, reading: set[str]) -> Iterator[Hit]:
    """A compiled program has no file in its start command."""
    web = code.fact(start.web)
    if web is None or PORT_READ.search(web.command) or reading:
        return
    for file in _programs(code):
        for line, port in ports.fixed(file):
            yield Hit(file.path, line, f"The app listens on {port} whatever $PORT says.")


def _programs(code: Codebase) -> list[SourceFile]:
    """The files that may be the program that a build makes."""
    go = code.written_in("go") if code.get("go.mod") else []
    java = code.written_in("java") if code.find("pom.xml", "build.gradle", "build.gradle.kts") else []
    return [file for file in (*go, *java) if b"package main" in file.data or b"void main(" in file.data]


def _port_in_a_servers_file(code: Codebase) -> Iterator[Hit]:
    for command in _commands(code):
        if PORT_READ.search(command.text) or HOST_OPTION.search(command.text):
            continue
        file, pattern = _told_by(code, command)
        for line, match in file.search(pattern) if file and not ports.reads(file) else ():
            yield Hit(file.path, line, f"{command.program} binds {match[1]} whatever $PORT says.")  # type: ignore[union-attr]


def _told_by(code: Codebase, command: Command) -> tuple[SourceFile | None, re.Pattern[str]]:
    """The file that configures a server, and where it says a port. gunicorn reads ./gunicorn.conf.py by itself."""
    if command.program == "gunicorn":
        named = re.search(r"(?:-c|--config)[= ](?:file:)?(\S+)", command.text)
        return entries.resolved(code, named[1] if named else "gunicorn.conf.py"), GUNICORN_BIND
    if command.program == "uwsgi":
        named = re.search(r"(\S{1,200}\.ini)\b", command.text)
        return (start.own_file(code, named[1]) if named else None), UWSGI_BIND
    return _own_config(code, command), PUMA_BIND


@RULES.of_code(
    "TF07-port-other-var",
    WARNING,
    "The port comes from a variable other than PORT.",
    fix="Read PORT, or map it: `SERVER_PORT=$PORT` in the start command.",
    why="Platforms that keep to the twelve factors hand over the port in PORT.",
    bad={"Procfile": "web: uvicorn app:app --host 0.0.0.0 --port $SERVICE_PORT\n"},
    good={"Procfile": "web: uvicorn app:app --host 0.0.0.0 --port ${PORT:-8000}\n"},
)
def port_from_another_variable(code: Codebase) -> Iterator[Hit]:
    for command in _commands(code):
        match = OTHER_READ.search(command.text)
        if match and not PORT_READ.search(command.text) and match[1] != "PORT":
            yield Hit(command.path, command.line, f"The port comes from ${match[1]}, not from $PORT.")
    if code.extracted(ports.reads) or code.fact(start.web) is None:
        return
    yield from _other_variable_in_the_entry(code)
    yield from _springs_own_port(code)


def _other_variable_in_the_entry(code: Codebase) -> Iterator[Hit]:
    listening = {entry.file.path for entry in code.fact(entries.web_entries) if entry.runs}
    for file, lines in code.extracted(ports.other_reads):
        if file.path in listening or (file.language == "go" and b"package main" in file.data):
            yield from (Hit(file.path, line, f"The port comes from {name}, not from PORT.") for line, name in lines)


def _springs_own_port(code: Codebase) -> Iterator[Hit]:
    """Spring Boot listens on 8080, or on server.port, which the environment can set as SERVER_PORT."""
    commands = list(_commands(code))
    if any(PORT_READ.search(command.text) for command in commands):
        return
    files = code.find("application.properties", "application.yml", "application.yaml", kinds=(Kind.PRODUCTION,))
    said = [(file, line, match[1]) for file in files for line, match in file.search(SPRING_PORT)]
    yield from (Hit(file.path, line, f"server.port is {port}; PORT is not read.") for file, line, port in said)
    builds = code.find("pom.xml", "build.gradle", "build.gradle.kts", kinds=(Kind.PRODUCTION,))
    if not said and any(re.search(rb"spring-boot-starter-web(flux)?\b", file.data) for file in builds):
        for one in commands[:1]:
            if one.program == "java" and not PORT_OPTION.search(one.text):
                yield Hit(one.path, one.line, "Spring Boot listens on 8080 or SERVER_PORT; PORT is not read.")


@RULES.of_code(
    "TF07-bind-loopback",
    ERROR,
    "The app listens on the loopback interface only.",
    fix="Bind 0.0.0.0 or ::, so that a router on another host reaches it.",
    why="Factor VII: the service is exported by the port; on 127.0.0.1 it is exported to nobody else.",
    bad={"Procfile": "web: gunicorn app:app --bind 127.0.0.1:$PORT\n"},
    good={"Procfile": "web: gunicorn app:app --bind 0.0.0.0:$PORT\n"},
)
def bound_to_loopback(code: Codebase) -> Iterator[Hit]:
    for command in _commands(code):
        server, host = servers.of(command), HOST_OPTION.search(command.text)
        if host and LOOPBACK.match(host[1]) and (server or _decides_itself(command)):
            yield Hit(command.path, command.line, f"{command.program} listens on loopback only.")
        elif server and server.loopback and not host and not _is_told_elsewhere(code, command):
            yield Hit(command.path, command.line, f"{server.name} listens on 127.0.0.1 when no host is given.")
        elif RUNSERVER.search(command.text):
            yield Hit(command.path, command.line, "runserver listens on 127.0.0.1 when no host is given.")
    files = [file for entry in code.fact(entries.web_entries) if entry.runs for file in _listening(code, entry.file)]
    for file in [*files, *(_programs(code) if code.fact(start.web) else [])]:
        yield from (Hit(file.path, line, "The app listens on loopback only.") for line in ports.loopback(file))
    for file in code.find("application.properties", "puma.rb", kinds=(Kind.PRODUCTION,)):
        yield from (
            Hit(file.path, line, "The server listens on loopback only.") for line, _ in file.search(OWN_LOOPBACK)
        )


def serving(one: Start) -> list[Command]:
    """Commands of a web process that are servers, or its last one, which stays."""
    known = [command for command in one.chain if servers.of(command)]
    return known or ([one.chain[-1]] if one.chain else [])


def _commands(code: Codebase) -> Iterator[Command]:
    for one in code.fact(entries.web_starts):
        yield from serving(one)


def _port_of_a_command(code: Codebase, command: Command) -> Iterator[Evidence]:
    if PORT_READ.search(command.text):
        yield Evidence(f"`{command.text}` takes $PORT", command.path, command.line)
    elif (server := servers.of(command)) and server.reads_port:
        yield Evidence(f"{server.name} listens on $PORT by itself ({server.source})", command.path, command.line)
    elif server and (file := _own_config(code, command)) and (line := next(iter(ports.reads(file)), None)):
        yield Evidence(f"{server.name} listens on $PORT, which its config reads", file.path, line)


def _decides_itself(command: Command) -> bool:
    """The port is the code's affair, not that of a server we know."""
    return servers.of(command) is None


def _own_config(code: Codebase, command: Command) -> SourceFile | None:
    """The Ruby file that configures puma or unicorn: the one that is named, or puma's own."""
    named = re.search(r"(?:-C|-c|--config|--config-file)[= ](\S+\.rb)", command.text)
    own = ("config/puma/production.rb", "config/puma.rb") if command.program == "puma" else ()
    return next((file for path in (*([named[1]] if named else []), *own) if (file := code.get(path))), None)


def _is_told_elsewhere(code: Codebase, command: Command) -> bool:
    """In a file of the server's own: one that the command names, or puma's, which it finds by itself."""
    if command.program == "puma" and _own_config(code, command):
        return True
    return bool(
        re.search(
            r"(?:^|\s)(?:-c|-C|--config|--uds|--fd|--unix-socket|--factory-config|-e|--endpoint)[= ]", command.text
        )
    )
