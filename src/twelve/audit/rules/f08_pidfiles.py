"""Factor VIII, PID files: in start commands, in the settings of servers, and in code."""

import ast
import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import server_files, start
from twelve.audit.facts.comments import in_code
from twelve.audit.facts.optional import opted_into
from twelve.audit.facts.pythons import calls, keyword, name_of, text_of
from twelve.audit.facts.server_files import GUNICORN, PUMA, UNICORN, UWSGI
from twelve.audit.model import Hit
from twelve.audit.rule import WARNING, Rulebook

RULES = Rulebook()
OPTION = re.compile(
    r"\s--?pid(?:-?file)?[= ]\s*['\"]?([^\s'\"]+)|^(?:gunicorn)\b.*\s-p[= ]?\s*(/?\S+\.pid)|^echo\s+\$\$\s*>\s*(\S+)"
)
NOWHERE = {"/dev/null", "''", '""'}
SETTINGS = {
    GUNICORN: re.compile(r"^pidfile[ \t]*=[ \t]*(?!None\b)\S", re.MULTILINE),
    UWSGI: re.compile(r"^[ \t]*(?:safe-)?pidfile2?[ \t]*=[ \t]*\S", re.MULTILINE),
    PUMA: re.compile(r"^[ \t]*pidfile\b(?![^\n]*\bif\b)", re.MULTILINE),
    UNICORN: re.compile(r"^[ \t]*pid\b[ \t(]*+[\"'\w#](?![^\n]*\bif\b)", re.MULTILINE),
}
NAMED = re.compile(r"\.pid$|(?<![a-z])pid_?(?:file|path)", re.IGNORECASE)
_PATH = (
    r"(?:[^\n;]{0,200}?['\"`][^'\"`\s]{0,200}\.pid['\"`]"
    r"|[ \t(]{0,9}[\w.]{0,60}?[pP](?:id|ID)_?(?:[fF]ile|FILE|[pP]ath|PATH)\b)"
)
WRITTEN = re.compile(
    rf"\b(?:writeFileSync|writeFile|File\.write|WriteFile|os\.Create|npid\.create|PIDFile){_PATH}"
    r"|\bFile\.open\b[^\n]{0,200}?\.pid['\"][^\n]{0,20}?['\"][wa]|\bnew\s+ApplicationPidFileWriter\s*\("
)
CLASSES = {"PidFile", "PIDFile", "PIDLockFile", "TimeoutPIDLockFile"}


@RULES.of_code(
    "TF08-pidfile",
    WARNING,
    "A process writes a PID file.",
    fix="Drop it: the platform knows the processes it started.",
    why="Factor VIII: twelve-factor app processes should never daemonize or write PID files.",
    bad={"Procfile": "web: gunicorn app:app --pid /tmp/app.pid\n"},
    good={"Procfile": "web: gunicorn app:app\n"},
)
def pid_file(code: Codebase) -> Iterator[Hit]:
    every = [one for one in (*code.fact(start.starts), *code.fact(start.in_container)) if one.type != "release"]
    for command in (one for told in every for one in told.chain):
        match = OPTION.search(" ".join(command.words))
        path = next(filter(None, match.groups()), "") if match else ""
        if path and path not in NOWHERE:
            yield Hit(command.path, command.line, f"{command.program} writes {path}.")
    for file, line, _ in server_files.told(code, SETTINGS):
        yield Hit(file.path, line, "The server writes a PID file.")
    for file, lines in code.extracted(pid_files_written):
        yield from (Hit(file.path, line) for line in lines)


@extraction(
    language=("python", "ruby", "javascript", "typescript", "go", "java"), needles=(".pid", "Pid", "pid_", "PID")
)
def pid_files_written(file: SourceFile) -> list[int]:
    """Not those that only an environment variable asks for."""
    if file.language == "python":
        return _in_python(file)
    found = [(line, file.lines[line - 1]) for line, _ in in_code(file, WRITTEN)]
    return [line for line, text in found if not re.search(r"\bif\s+ENV\b|\.env\.", text)]


def _in_python(file: SourceFile) -> list[int]:
    constants: dict[str, str] = {}
    for node in file.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            constants[node.targets[0].id] = text_of(node.value) or ""
    return [
        call.lineno
        for call in calls(file)
        if (path := _written(call)) is not None and _is_pid(path, constants) and not opted_into(file, call)
    ]


def _written(call: ast.Call) -> ast.AST | None:
    """The path of a file that a call writes."""
    name = name_of(call.func)
    if name == "open" and call.args:
        return call.args[0] if _writes(call, 1) else None
    if name.rpartition(".")[2] in CLASSES:
        return ast.Constant("x.pid")
    if isinstance(call.func, ast.Attribute) and call.func.attr == "write_text":
        return call.func.value
    if isinstance(call.func, ast.Attribute) and call.func.attr == "open" and _writes(call, 0):
        return call.func.value
    return None


def _writes(call: ast.Call, place: int) -> bool:
    mode = call.args[place] if len(call.args) > place else keyword(call, "mode")
    return bool(set(text_of(mode) or "") & set("wax"))


def _is_pid(path: ast.AST, constants: dict[str, str]) -> bool:
    parts = list(ast.walk(path))
    texts = [one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    names = [one.id for one in parts if isinstance(one, ast.Name)]
    names += [one.attr for one in parts if isinstance(one, ast.Attribute)]
    return any(NAMED.search(text) for text in [*texts, *names, *(constants.get(name, "") for name in names)])
