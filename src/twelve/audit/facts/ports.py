"""Where the code takes a port from: the environment, or itself."""

import ast
import re
from collections.abc import Iterator

from twelve.audit.codebase import SourceFile, extraction
from twelve.audit.facts.comments import uncommented
from twelve.audit.facts.pythons import calls, keyword, name_of

_CODE = ("python", "javascript", "typescript", "tsx", "ruby", "go", "java")
_LOOKED_UP = r"(?:process\.env(?:\.|\[['\"])|[gG]et_?[eE]nv\(['\"]|environ(?:\.get\(|\[)['\"]|ENV(?:\.fetch\(|\[)['\"]|"
_READ = re.compile(_LOOKED_UP + r"env(?:\.\w+)?\(['\"]|config\(['\"]|LookupEnv\(['\"]|env:\"|envconfig:\"|\$\{)PORT\b")
_OTHER = re.compile(
    _LOOKED_UP + r"env(?:\.\w+)?\(['\"]|LookupEnv\(['\"])(?!PORT\b)((?:[A-Z]+_)*(?:PORT|LISTEN_ADDR|BIND|ADDR))\b"
)
_NUMBER = re.compile(r"\b(\w++)(?::\s*+\w++)?\s*+:?=\s*+[\"':]*(\d{2,5})\b")
# What follows the opening parenthesis of a call that listens.
_JS_PORT = re.compile(r"\.listen\s*\(\s*(?:\{[^}]{0,300}?port\s*:\s*)?(\w+|['\"]\d+['\"])")
_GO_PORT = re.compile(
    r"(?:ListenAndServe(?:TLS)?|\.Run|\.Start|\.Listen)\s*\(\s*(?:\"([\w.\[\]:]*?:(\d{2,5}))\"|(\w+)\s*[,)])"
)
_GO_ADDR = re.compile(r"\bAddr\s*:\s*\"([\w.\[\]:]*?:(\d{2,5}))\"")
_JS_HOST = re.compile(r"\.listen\s*\([^;{]{0,300}?['\"](127\.0\.0\.1|localhost)['\"]")
PYTHON_RUNNERS = {"run", "run_simple", "make_server", "run_app", "serve", "HTTPServer", "ThreadingHTTPServer", "listen"}


@extraction(language=(*_CODE, "properties", "yaml"), needles=("PORT",))
def reads(file: SourceFile) -> list[int]:
    """The lines that read PORT."""
    return [file.line_at(match.start()) for match in _READ.finditer(uncommented(file))]


@extraction(language=_CODE, needles=("PORT", "LISTEN_ADDR", "BIND", "ADDR"))
def other_reads(file: SourceFile) -> list[tuple[int, str]]:
    """Lines that read a port or an address from another variable, and its name."""
    return [(file.line_at(match.start()), match[1]) for match in _OTHER.finditer(uncommented(file))]


def fixed(file: SourceFile) -> Iterator[tuple[int, str]]:
    """(line, port) of every call that listens on a port written in the file."""
    if file.language == "python":
        yield from _fixed_in_python(file)
    elif file.language in {"javascript", "typescript", "tsx"}:
        yield from _fixed_in_script(file)
    elif file.language == "go":
        yield from _fixed_in_go(file)


def loopback(file: SourceFile) -> Iterator[int]:
    """Lines of calls that listen on the loopback interface only."""
    if file.language == "python":
        yield from _loopback_in_python(file)
        return
    text = uncommented(file)
    if file.language == "go":
        found = [*_GO_PORT.finditer(text), *_GO_ADDR.finditer(text)]
        yield from (file.line_at(one.start()) for one in found if (one[1] or "").startswith(("127.", "localhost:")))
    elif file.language in {"javascript", "typescript", "tsx"}:
        yield from (file.line_at(match.start()) for match in _JS_HOST.finditer(text))


def serving_calls(file: SourceFile) -> Iterator[ast.Call]:
    """Calls of a Python program that start a server."""
    for call in calls(file):
        receiver, _, method = name_of(call.func).rpartition(".")
        told = {"port", "host", "debug", "ssl_context"} & {one.arg for one in call.keywords if one.arg}
        known = receiver.rpartition(".")[2] in {
            "app",
            "application",
            "server",
            "web",
            "uvicorn",
            "socketio",
            "waitress",
        }
        if method in PYTHON_RUNNERS and (told or known or method in {"HTTPServer", "make_server", "run_simple"}):
            yield call


def _fixed_in_python(file: SourceFile) -> Iterator[tuple[int, str]]:
    numbers = {
        node.targets[0].id: node.value.value
        for node in file.nodes
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant) and type(node.value.value) is int
    }  # fmt: skip
    for call in serving_calls(file):
        for value in filter(None, [keyword(call, "port"), *call.args[:2]]):
            told = value.elts[-1] if isinstance(value, ast.Tuple) and value.elts else value
            port = numbers.get(told.id) if isinstance(told, ast.Name) else getattr(told, "value", None)
            if type(port) is int:
                yield call.lineno, str(port)


def _fixed_in_script(file: SourceFile) -> Iterator[tuple[int, str]]:
    text = uncommented(file)
    numbers = {match[1]: match[2] for match in _NUMBER.finditer(text)}
    for match in _JS_PORT.finditer(text):
        told = match[1].strip("\"'")
        if (port := told if told.isdigit() else numbers.get(told)) and port != "0":
            yield file.line_at(match.start()), port


def _fixed_in_go(file: SourceFile) -> Iterator[tuple[int, str]]:
    text = uncommented(file)
    numbers = {match[1]: match[2] for match in _NUMBER.finditer(text)}
    for match in _GO_PORT.finditer(text):
        if port := match[2] or numbers.get(match[3] or ""):
            yield file.line_at(match.start()), port
    for match in _GO_ADDR.finditer(text):
        yield file.line_at(match.start()), match[2]


def _loopback_in_python(file: SourceFile) -> Iterator[int]:
    for call in serving_calls(file):
        host = keyword(call, "host") or keyword(call, "hostname")
        named = [getattr(one, "value", None) for one in (host, *call.args[:1]) if one is not None]
        told = any(one in {"127.0.0.1", "localhost", "::1"} for one in named if isinstance(one, str))
        if told or (host is None and _is_flask_run(file, call)):
            yield call.lineno


def _is_flask_run(file: SourceFile, call: ast.Call) -> bool:
    """Flask's and uvicorn's own default is 127.0.0.1."""
    name = name_of(call.func)
    plain = name.endswith("app.run") and b"Flask(" in file.data
    return (plain or name == "uvicorn.run") and not call.args[1:] and not any(one.arg is None for one in call.keywords)
