"""Where JavaScript, Go, Ruby and Java listen, by their text: on a port that is written there, or on loopback only."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import SourceFile
from twelve.audit.facts.comments import MOST, arguments, inside, is_inside_string, uncommented

SCRIPTS = ("javascript", "typescript", "tsx")
_NUMBER = re.compile(r"\b(\w++)(?::\s*+\w++)?\s*+:?=\s*+[\"':]*(\d{2,5})\b")
_TEXT = re.compile(r"\b(\w++)(?::\s*+\w++)?\s*+:?=\s*+[\"'](127\.0\.0\.1|localhost)[\"']")
_PORT_FIELD = re.compile(r"\bport\s*+:\s*+([^\s,}]++)")
_HOST_FIELD = re.compile(r"\b(?:host|hostname)\s*+(?::\s*+([^\s,}]++)|[,}])")
_LISTENING = re.compile(r"(?:\.listen|(?<![\w.])(?:Bun\.|Deno\.)?serve)\s*(\()")
_FASTIFY = re.compile(r"[\"']fastify[\"']")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_GO_LISTENING = (
    r"(?:ListenAndServe(?:TLS)?\s*\(|\.(?:Run|Start|Listen)\s*\(|\bnet\.Listen\s*\(\s*\"tcp\d?\"\s*,|\bAddr\s*:)\s*"
)
_GO_PORT = re.compile(
    _GO_LISTENING
    + r"(?:\"[\w.\[\]:]*?:(\d{2,5})\"|(?:\":\"\s*\+\s*)?(?:fmt\.Sprintf\(\s*\"[^\"\n]{0,40}\"\s*,\s*)?(\w+)\s*[,)])"
)
_GO_LOOPBACK = re.compile(r"(?<!go http\.)" + _GO_LISTENING + r"\"(?:127\.0\.0\.1|localhost|\[::1\]):")
_RUBY_PORT = re.compile(r"^[ \t]*(?:set[ \t(]+:port[ \t]*,|Port:|:Port[ \t]*=>)[ \t]*['\"]?(\d{2,5})\b", re.MULTILINE)
_RUBY_LOOPBACK = re.compile(r"^[ \t]*set[ \t(]+:bind[ \t]*,[ \t]*['\"](?:127\.|localhost)", re.MULTILINE)
_JAVA_PORT = re.compile(
    r"\bnew InetSocketAddress\(\s*(\d{2,5})\s*\)|\bJavalin\b[^;]{0,300}?\.start\(\s*(\d{2,5})\s*\)"
    r"|^[ \t]*(?:Spark\.)?port\(\s*(\d{2,5})\s*\)|\bnew Server\(\s*(\d{2,5})\s*\)|\.listen\(\s*(\d{2,5})\s*[,)]",
    re.MULTILINE,
)  # fmt: skip


def fixed(file: SourceFile) -> Iterator[tuple[int, str]]:
    """(line, port)"""
    if file.language in SCRIPTS:
        yield from _fixed_in_script(file)
    elif file.language == "go":
        yield from _fixed_in_go(file)
    elif file.language in {"ruby", "java"}:
        pattern = _RUBY_PORT if file.language == "ruby" else _JAVA_PORT
        for match in _in_code(file, pattern):
            yield file.line_at(match.start()), next(port for port in match.groups() if port)


def loopback(file: SourceFile) -> Iterator[int]:
    if file.language in SCRIPTS:
        yield from _loopback_in_script(file)
    elif file.language == "go" and b"net/http/pprof" not in file.data:  # which is for whoever is on the machine
        yield from (file.line_at(match.start()) for match in _in_code(file, _GO_LOOPBACK))
    elif file.language == "ruby":
        yield from (file.line_at(match.start()) for match in _in_code(file, _RUBY_LOOPBACK))


def _in_code(file: SourceFile, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    found = pattern.finditer(uncommented(file))
    return (match for match in found if not is_inside_string(file, match.start()))


def _calls(file: SourceFile) -> Iterator[tuple[int, list[str]]]:
    """(line, arguments) of what listens."""
    text = uncommented(file)
    for match in list(_in_code(file, _LISTENING))[:MOST]:
        told = arguments(inside(text, match.start(1), 2000))
        if told and (match[0].startswith(".") or told[0].startswith("{")):
            yield file.line_at(match.start()), told


def _fixed_in_script(file: SourceFile) -> Iterator[tuple[int, str]]:
    text = uncommented(file)
    numbers = {match[1]: match[2] for match in _NUMBER.finditer(text)}
    for line, told in _calls(file):
        named = _PORT_FIELD.search(told[0]) if told[0].startswith("{") else None
        port = _port(named[1] if named else told[0], text, numbers)
        if port.isdigit() and port != "0":
            yield line, port


def _port(told: str, text: str, numbers: dict[str, str]) -> str:
    """The number that is written there, or that its name has: a constant, or a field of this file's own `config`."""
    bare = told.strip("\"'`")
    if bare.isdigit():
        return bare
    if re.fullmatch(r"\w+\.get\(\s*['\"]port['\"]\s*\)", told):
        given = re.search(r"\.set\(\s*['\"]port['\"]\s*,\s*['\"]?(\w+)['\"]?\s*\)", text)
        return numbers.get(given[1], given[1]) if given else ""
    if "." in bare:
        given = re.search(rf"\b{re.escape(bare.rpartition('.')[2])}\s*:\s*(\d{{2,5}})\b", text)
        return given[1] if given else ""
    return numbers.get(bare, "")


def _loopback_in_script(file: SourceFile) -> Iterator[int]:
    hosts = {match[1]: match[2] for match in _TEXT.finditer(uncommented(file))}
    fastify = _FASTIFY.search(file.text) is not None
    for line, told in _calls(file):
        if told[0].startswith("{"):
            field = _HOST_FIELD.search(told[0])
            host = (field[1] or "host") if field else "localhost" if fastify and "..." not in told[0] else ""
        else:
            host = told[1] if len(told) > 1 else ""
        if hosts.get(host, host).strip("\"'`") in _LOOPBACK:
            yield line


def _fixed_in_go(file: SourceFile) -> Iterator[tuple[int, str]]:
    numbers = {match[1]: match[2] for match in _NUMBER.finditer(uncommented(file))}
    for match in _in_code(file, _GO_PORT):
        if port := match[1] or numbers.get(match[2] or ""):
            yield file.line_at(match.start()), port
