"""Factor IX, SIGTERM in the code: handlers that keep the process from ending."""

import ast
import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts.comments import inside, uncommented
from twelve.audit.facts.pythons import calls, name_of
from twelve.audit.model import Hit
from twelve.audit.rule import ERROR, Rulebook

RULES = Rulebook()
IGNORED = re.compile(
    r"\bsignal\.signal\s*\(\s*(?:signal\.)?SIGTERM\s*,\s*(?:signal\.)?SIG_IGN|\bsignal\.Ignore\s*+\([^)]{0,200}?SIGTERM"
    r"|\btrap\s*+(?:\(\s*+)?['\"](?:SIG)?TERM['\"]\s*+,\s*+['\"](?:SIG_)?IGN"
    r"|\btrap\s*+(?:\(\s*+)?['\"](?:SIG)?TERM['\"]\s*+(?:\)\s*+)?(?:\{\s*+(?:puts\b[^\n;}]{0,200}+)?\}|do\s++(?:puts\b[^\n;]{0,200}+\s*+)?end\b)"
    r"|\bnew\s+Signal\s*+\(\s*+\"TERM\"\s*+\)\s*+,\s*+SignalHandler\.SIG_IGN"
    r"|^[ \t]*+trap\s++(?:''|\"\")\s++[^\n]*?\b(?:(?:SIG)?TERM|15)\b",
    re.MULTILINE,
)
SCRIPTS = ("javascript", "typescript", "tsx")
SCRIPTED = re.compile(
    r"\bprocess\.(?:on|once)\s*+\(\s*+['\"`]SIGTERM['\"`]\s*+,\s*+(?:async\s*+)?(?:function\s*+\w*+\s*+)?"
    r"(?:\([^()]{0,80}\)|\w++)\s*+(?:=>\s*+)?(?P<body>\{|(?=(?:console|log|logger)\.))?"
)
SAID = re.compile(r"(?:console|log|logger)\.\w+\((?:[^()'\"`]|'[^'\n]*'|\"[^\"\n]*\"|`[^`]*`){0,300}+\)\s*;?")
CLOSING = re.compile(r"terminus|graceful|stoppable|lightship|close-with-grace|enableShutdownHooks")
LOGGING = re.compile(
    r"^(?:print|(?:\w+\.)*(?:_?log|_?logger|logging)\.\w+|sys\.std(?:out|err)\.(?:write|flush))$", re.IGNORECASE
)
WAITING = re.compile(r"\bsignal\.pause\s*\(|\bsigwait\w*\s*\(|\bset_wakeup_fd\s*\(")


@RULES.of_code(
    "TF09-sigterm-ignored",
    ERROR,
    "SIGTERM is ignored.",
    fix="Handle it: stop taking work, finish what is at work, exit.",
    why="Factor IX: processes shut down gracefully when they receive a SIGTERM from the process manager.",
    bad={"worker.py": "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"},
    good={"worker.py": "import signal\nsignal.signal(signal.SIGTERM, stop)\n"},
)
def sigterm_ignored(code: Codebase) -> Iterator[Hit]:
    for file, lines in code.extracted(ignoring):
        yield from (Hit(file.path, line) for line in lines)


@extraction(
    language=("python", *SCRIPTS, "go", "ruby", "shell", "java"),
    needles=("SIGTERM", "trap ", '"TERM"', "'TERM'"),
)
def ignoring(file: SourceFile) -> list[int]:
    found = IGNORED.finditer(uncommented(file))
    lines = [file.line_at(match.start() + len(match[0]) - len(match[0].lstrip())) for match in found]
    if file.language == "python":
        leaving = _leaving(file) if lines else set()
        lines = [line for line in lines if line not in leaving] + list(_silent(file))
    elif file.language in SCRIPTS:
        lines += _said_only(file)
    return sorted(set(lines))


def _said_only(file: SourceFile) -> list[int]:
    """Handlers that at most log, where none does more."""
    text = uncommented(file)
    handlers = list(SCRIPTED.finditer(text))
    if CLOSING.search(text) or not all(_only_says(text, match) for match in handlers):
        return []
    return [file.line_at(match.start()) for match in handlers]


def _only_says(text: str, match: re.Match[str]) -> bool:
    if match["body"] is None:
        return False
    if not match["body"]:
        said = SAID.match(text, match.end())
        return said is not None and text[said.end() :].lstrip()[:1] == ")"
    return not SAID.sub("", inside(text, match.end() - 1)).strip()


def _leaving(file: SourceFile) -> set[int]:
    """The lines of handlers, which may ignore the signal once it has come: they are on their way out."""
    named = {name_of(call.args[1]).rpartition(".")[2] for call in calls(file) if _registers(call)}
    handlers = (node for node in _functions(file) if node.name in named)
    return {line for node in handlers for line in range(node.lineno + 1, (node.end_lineno or 0) + 1)}


def _registers(call: ast.Call) -> bool:
    return name_of(call.func) == "signal.signal" and len(call.args) == 2


def _silent(file: SourceFile) -> Iterator[int]:
    """Handlers that at most log. After one the program goes on where it was, unless it waited for the signal."""
    if WAITING.search(file.text):
        return
    functions = {node.name: node for node in _functions(file)}
    for call in calls(file):
        if _registers(call) and _is_term(file, call.args[0]):
            handler = call.args[1]
            if isinstance(handler, ast.Lambda):
                nothing = isinstance(handler.body, ast.Constant) or _logs(handler.body)
            else:
                known = functions.get(name_of(handler).rpartition(".")[2])
                nothing = known is not None and all(_does_nothing(one) for one in known.body)
            if nothing:
                yield call.lineno


def _functions(file: SourceFile) -> list[ast.FunctionDef]:
    return [node for node in file.nodes if isinstance(node, ast.FunctionDef)]


def _is_term(file: SourceFile, signal: ast.expr) -> bool:
    """Itself, or the name that a loop gives it."""
    if name_of(signal).endswith("SIGTERM"):
        return True
    loops = [node for node in file.nodes if isinstance(node, ast.For) and name_of(node.target) == name_of(signal) != ""]
    return any("SIGTERM" in ast.unparse(loop.iter) for loop in loops)


def _does_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()) | ast.Return(value=None):
            return True
        case ast.Expr(value=ast.Call() as call):
            return _logs(call)
    return False


def _logs(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and bool(LOGGING.match(name_of(node.func)))
