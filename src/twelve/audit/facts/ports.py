"""Where the code takes a port from: the environment, or itself."""

import ast
import re
from collections.abc import Iterator

from twelve.audit.codebase import SourceFile, extraction
from twelve.audit.facts import environment, ports_texts
from twelve.audit.facts.comments import uncommented
from twelve.audit.facts.pythons import calls, keyword, name_of

_CODE = ("python", "javascript", "typescript", "tsx", "ruby", "go", "java")
_LOOKED_UP = r"(?:process\.env(?:\.|\[['\"])|[gG]et_?[eE]nv\(['\"]|environ(?:\.get\(|\[)['\"]|ENV(?:\.fetch\(|\[)['\"]|"
_READ = re.compile(
    _LOOKED_UP + r"env(?:\.\w+)?\(['\"]|[cC]onfig(?:Service)?(?:\.get(?:OrThrow)?(?:<\w+>)?)?\(['\"]"
    r"|LookupEnv\(['\"]|env:\"|envconfig:\"|\$\{)PORT\b"
)
_OTHER = re.compile(
    _LOOKED_UP + r"env(?:\.\w+)?\(['\"]|LookupEnv\(['\"])(?!PORT\b)((?:[A-Z]+_)*(?:PORT|LISTEN_ADDR|BIND|ADDR))\b"
)
_UNPACKED = re.compile(r"\{([^{}]*)\}\s*=\s*process\.env\b")
_SERVER_CLASSES = {"HTTPServer", "ThreadingHTTPServer", "TCPServer", "ThreadingTCPServer", "WSGIServer", "make_server",
                   "run_simple"}  # fmt: skip
PYTHON_RUNNERS = {"run", "run_app", "serve", "listen", *_SERVER_CLASSES}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@extraction(language=(*_CODE, "properties", "yaml"), needles=("PORT", "BaseSettings"))
def reads(file: SourceFile) -> list[int]:
    """The lines that read PORT."""
    text = uncommented(file)
    is_script = file.language in ports_texts.SCRIPTS  # whose `${PORT}` is a constant of theirs in a text
    found = {match.start() for match in _READ.finditer(text) if not (is_script and match[0].startswith("$"))}
    if is_script:
        found |= {match.start() for match in _UNPACKED.finditer(text) if re.search(r"\bPORT\b", match[1])}
    lines = {file.line_at(offset) for offset in found}
    if b"BaseSettings" in file.data:
        lines |= {read.line for read in environment.of_file(file) if read.name == "PORT"}
    return sorted(lines)


@extraction(language=_CODE, needles=("PORT", "LISTEN_ADDR", "BIND", "ADDR"))
def other_reads(file: SourceFile) -> list[tuple[int, str]]:
    """Lines that read a port or an address from another variable, and its name."""
    return [(file.line_at(match.start()), match[1]) for match in _OTHER.finditer(uncommented(file))]


def fixed(file: SourceFile) -> Iterator[tuple[int, str]]:
    """(line, port) of every call that listens on a port written in the file, or on the one it takes when none is."""
    return _fixed_in_python(file) if file.language == "python" else ports_texts.fixed(file)


def loopback(file: SourceFile) -> Iterator[int]:
    """Lines of calls that listen on the loopback interface only."""
    return _loopback_in_python(file) if file.language == "python" else ports_texts.loopback(file)


def serving_calls(file: SourceFile) -> Iterator[ast.Call]:
    """Calls of a Python program that start a server."""
    for call in calls(file):
        receiver, _, method = name_of(call.func).rpartition(".")
        told = {"port", "host", "listen", "debug", "ssl_context"} & {one.arg for one in call.keywords if one.arg}
        known = receiver.rpartition(".")[2] in {
            "app",
            "application",
            "server",
            "web",
            "uvicorn",
            "socketio",
            "waitress",
        }
        if method in PYTHON_RUNNERS and (told or known or method in _SERVER_CLASSES):
            yield call


def _fixed_in_python(file: SourceFile) -> Iterator[tuple[int, str]]:
    numbers = {
        node.targets[0].id: node.value.value
        for node in file.nodes
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant) and type(node.value.value) is int
    }  # fmt: skip
    for call in serving_calls(file):
        given = [keyword(call, "port"), keyword(call, "listen"), *call.args[:2]]
        ports = [port for value in filter(None, given) if (port := _port_of(value, numbers))]
        if ports or (port := _unasked(file, call)):
            yield call.lineno, ports[0] if ports else port


def _port_of(value: ast.expr, numbers: dict[str, int]) -> str:
    told = value.elts[-1] if isinstance(value, ast.Tuple) and value.elts else value
    port = numbers.get(told.id) if isinstance(told, ast.Name) else getattr(told, "value", None)
    if isinstance(port, str) and (match := re.fullmatch(r"[\w.*\[\]]{0,40}:(\d{2,5})", port)):
        return match[1]
    return str(port) if type(port) is int else ""


def _unasked(file: SourceFile, call: ast.Call) -> str:
    """The port that Flask and uvicorn take when the call names none."""
    if keyword(call, "port") is not None or not _is_flask_run(file, call):
        return ""
    return "8000" if name_of(call.func) == "uvicorn.run" else "5000"


def _loopback_in_python(file: SourceFile) -> Iterator[int]:
    for call in serving_calls(file):
        host = keyword(call, "host") or keyword(call, "hostname")
        first = [one.elts[0] if isinstance(one, ast.Tuple) and one.elts else one for one in call.args[:1]]
        named = [getattr(one, "value", None) for one in (host, *first) if one is not None]
        told = any(one in _LOOPBACK for one in named if isinstance(one, str))
        if told or (host is None and _is_flask_run(file, call)):
            yield call.lineno


def _is_flask_run(file: SourceFile, call: ast.Call) -> bool:
    """Flask's and uvicorn's own default is 127.0.0.1."""
    name = name_of(call.func)
    plain = name.endswith("app.run") and b"Flask(" in file.data
    return (plain or name == "uvicorn.run") and not call.args[1:] and not any(one.arg is None for one in call.keywords)
