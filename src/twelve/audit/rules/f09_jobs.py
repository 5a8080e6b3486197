"""Factor IX, the workers: a job that is cut off runs again."""

import ast
import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts.comments import uncommented
from twelve.audit.facts.pythons import name_of
from twelve.audit.model import Hit
from twelve.audit.rule import WARNING, Rulebook

RULES = Rulebook()
DECORATORS = {"task", "shared_task", "job", "actor", "db_task", "periodic_task", "django_task"}
BROAD = {"Exception", "BaseException"}
AGAIN = re.compile(r"\b(?:retry|requeue|reject|nack|enqueue|delay|apply_async)\b")
ACKED_EARLY = re.compile(
    r"\bauto_ack\s*=\s*True|\bno_ack\s*=\s*True|\bnoAck\s*:\s*true|\bsidekiq_options\b[^\n]*\bretry:\s*(?:false|0)\b"
)
POPPED = re.compile(r"\.(?:blpop|brpop|lpop|rpop|spop|getdel)\s*\(", re.IGNORECASE)
ENDLESS = re.compile(r"\bwhile\s*+(?:\(\s*+)?(?:True|true|1)\b|^[ \t]*loop\s+do\b|\bfor\s*\{", re.MULTILINE)
MODULE = re.compile(r"(^|/)(tasks|jobs|workers?)(/|\.py$)")


@RULES.of_code(
    "TF09-job-not-reentrant",
    WARNING,
    "A job that fails or is cut off does not run again.",
    fix="Acknowledge a job when it is done, let errors reach the queue, and make it safe to run twice.",
    why="Factor IX: the current job is returned to the work queue; all jobs are reentrant.",
    bad={"tasks.py": "@shared_task\ndef send(id):\n    try:\n        mail(id)\n    except Exception:\n        pass\n"},
    good={"tasks.py": "@shared_task(bind=True, acks_late=True, max_retries=3)\ndef send(self, id):\n    mail(id)\n"},
)
def lost_jobs(code: Codebase) -> Iterator[Hit]:
    for file, found in code.extracted(losing):
        yield from (Hit(file.path, line, message) for line, message in found)


@extraction(
    language=("python", "javascript", "typescript", "ruby", "go"),
    kinds=(Kind.PRODUCTION, Kind.BUILD),  # tasks.py may be either
    needles=("_task", ".task", "import rq", "from rq", "dramatiq", "@job", "auto_ack", "no_ack", "noAck",
             "sidekiq_options", "lpop", "rpop", "LPop", "RPop", "lPop", "rPop"),
)  # fmt: skip
def losing(file: SourceFile) -> list[tuple[int, str]]:
    text = uncommented(file)
    found = [
        (file.line_at(match.start()), "The job is acknowledged before it is done.")
        for match in ACKED_EARLY.finditer(text)
    ]
    if ENDLESS.search(text):
        message = "The job leaves the queue before it is done."
        found += [(file.line_at(match.start()), message) for match in POPPED.finditer(text)]
    return found + (list(_swallowed(file)) if file.language == "python" else [])


def _swallowed(file: SourceFile) -> Iterator[tuple[int, str]]:
    for node in file.python.body if file.python else []:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_job(file, node):
            for handler in _broad_handlers(node):
                yield handler.lineno, f"{node.name} swallows every error: its job counts as done."


def _is_job(file: SourceFile, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """By its decorator; rq's jobs are plain functions of a module for them."""
    for one in node.decorator_list:
        called = one.func if isinstance(one, ast.Call) else one
        if name_of(called).rpartition(".")[2] in DECORATORS:
            return True
    plain = not node.name.startswith("_") and bool(MODULE.search(file.path))
    return plain and bool(re.search(r"^(?:import rq\b|from rq\b)", file.text, re.MULTILINE))


def _broad_handlers(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.ExceptHandler]:
    """Of a `try` around the whole job, those that neither raise nor queue it again."""
    rest = [one for one in node.body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
    tries = [one for one in rest if isinstance(one, ast.Try)]
    if len(tries) != 1 or tries[0] not in rest[-2:] or len(rest) > 3:
        return
    for handler in tries[0].handlers:
        broad = handler.type is None or name_of(handler.type) in BROAD
        inside = [one for stmt in handler.body for one in ast.walk(stmt)]
        passed_on = any(isinstance(one, ast.Raise) for one in inside) or AGAIN.search(ast.unparse(handler))
        if broad and not passed_on:
            yield handler
