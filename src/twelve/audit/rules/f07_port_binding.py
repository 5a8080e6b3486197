"""Factor VII: the app serves by itself, on the port that the environment names."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase
from twelve.audit.facts import servers, start
from twelve.audit.facts.start import Command
from twelve.audit.model import Evidence, Hit, Verdict
from twelve.audit.rule import ERROR, Rulebook

RULES = Rulebook()
LOOPBACK = re.compile(r"(?<![\w.])(127\.0\.0\.1|localhost|\[?::1\]?)(:|\s|$)")
PORT_OPTION = re.compile(r"(?:--port|--http-port|-p|--bind|-b|--listen|--addr)[= ]\s*(?:[\w.\[\]*]*:)?(\d{2,5})\b")
PORT_READ = re.compile(r"\$\{?PORT\b")


def irrelevant(code: Codebase) -> str:
    every = code.fact(start.starts)
    return "No process type is a web process." if every and code.fact(start.web) is None else ""


def witness(code: Codebase) -> Iterator[Evidence]:
    """The command that serves, and that it takes its port from the environment."""
    for command in _serving(code):
        if PORT_READ.search(command.text):
            yield Evidence(f"`{command.text}` takes $PORT", command.path, command.line)
        elif (server := servers.of(command)) and server.reads_port:
            yield Evidence(f"{server.name} listens on $PORT by itself ({server.source})", command.path, command.line)


@RULES.of_code(
    "TF07-port-hardcoded",
    ERROR,
    "The production start command listens on a fixed port.",
    fix="Listen on $PORT, which the platform sets.",
    bad={"Procfile": "web: uvicorn app:app --host 0.0.0.0 --port 8000\n"},
    good={"Procfile": "web: uvicorn app:app --host 0.0.0.0 --port $PORT\n"},
)
def port_in_the_command(code: Codebase) -> Iterator[Hit]:
    for command in _serving(code):
        match = PORT_OPTION.search(command.text)
        if match and not PORT_READ.search(command.text):
            yield Hit(command.path, command.line, f"{command.program} listens on {match[1]} whatever $PORT says.")


@RULES.of_code(
    "TF07-bind-loopback",
    ERROR,
    "The production start command listens on the loopback interface only.",
    fix="Bind 0.0.0.0 or ::, so that a router on another host reaches it.",
    bad={"Procfile": "web: gunicorn app:app --bind 127.0.0.1:$PORT\n"},
    good={"Procfile": "web: gunicorn app:app --bind 0.0.0.0:$PORT\n"},
)
def bound_to_loopback(code: Codebase) -> Iterator[Hit]:
    for command in _serving(code):
        if servers.of(command) and re.search(
            r"(--bind|-b|--host|-h|--listen|--addr)[= ]\s*(127\.|localhost|\[?::1)", command.text
        ):
            yield Hit(command.path, command.line, f"{command.program} listens on loopback only.", verdict=Verdict.FAIL)


def _serving(code: Codebase) -> list[Command]:
    """Commands of the web process that are servers, or its last one, which stays."""
    web = code.fact(start.web)
    if web is None or not web.chain:
        return []
    return [command for command in web.chain if servers.of(command)] or [web.chain[-1]]
