"""Factor IX, the workers: a job that is cut off runs again."""

import ast
import re
from collections.abc import Iterator
from itertools import islice

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts.comments import MOST, inside, uncommented
from twelve.audit.facts.pythons import name_of
from twelve.audit.model import Hit
from twelve.audit.rule import WARNING, Rulebook

RULES = Rulebook()
DECORATORS = {"task", "shared_task", "job", "actor", "db_task", "periodic_task", "django_task"}
BROAD = {"Exception", "BaseException"}
AGAIN = re.compile(r"\b(?:retry|requeue|reject|nack|enqueue|delay|apply_async)\b")
ACKNOWLEDGING = ("_ack", "noAck", "sidekiq_options", ".Consume(", "acknowledge-mode", "AcknowledgeMode", "discard_on")
ACKED_EARLY = re.compile(
    r"\bauto_ack\s*=\s*True|\bno_ack\s*=\s*True|\bnoAck\s*:\s*true|\bsidekiq_options\b[^\n]*\bretry:\s*(?:false|0)\b"
    r"|\.Consume\(\s*[^,()]{1,80},[^,()]{1,80},\s*true\b|\backnowledge-mode\s*[=:]\s*none\b|\bAcknowledgeMode\.NONE\b"
    r"|\bdiscard_on\s+\(?(?:StandardError|Exception)\b"
)
POPPED = re.compile(r"\.(?:blpop|brpop|lpop|rpop|spop|getdel)\s*\(", re.IGNORECASE)
ENDLESS = re.compile(
    r"\bwhile\s*+(?:\(\s*+)?(?:(?:True|true|1)\b|(?:not\s++|!)?(?:(?:self|this)\.)?_?(?:is_?)?(?:running|stop\w*|shutdown\w*|active|alive)\b)"
    r"|\bfor\s*\(\s*;\s*;|^[ \t]*loop\s+do\b|\bfor\s*\{",
    re.MULTILINE | re.IGNORECASE,
)
PERFORM = re.compile(r"^([ \t]*+)def (?:self\.)?perform\b[^\n]*\n", re.MULTILINE)
RESCUE = re.compile(
    r"^([ \t]*+)rescue(?:[ \t]*=>[ \t]*\w+|[ \t]+(?:StandardError|Exception)\b[^\n]*)?[ \t]*$", re.MULTILINE
)
QUEUED = re.compile(
    r"\bSidekiq::(?:Worker|Job)\b|<\s*(?:ApplicationJob|ActiveJob::Base)\b|^[ \t]*@queue\s*=", re.MULTILINE
)
BULL = re.compile(r"['\"](?:bull|bullmq|bee-queue)['\"]")
PROCESSED = re.compile(
    r"(?:\bnew\s++(?:\w++\.)?Worker\s*+\(\s*+['\"`][^'\"`\n]{1,80}['\"`]\s*+,"
    r"|\.process\s*+\((?:\s*+['\"`]\w{1,80}['\"`]\s*+,)?(?:\s*+\d++\s*+,)?)"
    r"\s*+(?:async\b\s*+)?(?:function\b\s*+\w*+\s*+)?(?:\([^()]{0,80}\)|\w++)?\s*+(?:=>\s*+)?(?=\{)"
)
CATCH = re.compile(r"\s{0,9}\bcatch\b[^{}]{0,80}(?=\{)")
ERRING = re.compile(r"\bthrow\b|\breject\b|\bdone\s*\(|\bmoveTo\w+|\bretry\b")
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
    language=("python", "javascript", "typescript", "ruby", "go", "java", "properties", "yaml"),
    kinds=(Kind.PRODUCTION, Kind.BUILD),  # tasks.py may be either
    needles=("_task", ".task", "import rq", "from rq", "dramatiq", "@job", "auto_ack", "no_ack", "noAck",
             "sidekiq_options", "discard_on", "ApplicationJob", "ActiveJob", "Sidekiq::", "@queue",
             "bullmq", "'bull'", '"bull"', "bee-queue",
             ".Consume(", "acknowledge-mode", "AcknowledgeMode",
             "lpop", "rpop", "LPop", "RPop", "lPop", "rPop"),
)  # fmt: skip
def losing(file: SourceFile) -> list[tuple[int, str]]:
    text = uncommented(file)
    found = [
        (file.line_at(match.start()), "The job is acknowledged before it is done.")
        for match in (ACKED_EARLY.finditer(text) if any(word in text for word in ACKNOWLEDGING) else ())
    ]
    if POPPED.search(text) and ENDLESS.search(text):
        message = "The job leaves the queue before it is done."
        found += [(file.line_at(match.start()), message) for match in POPPED.finditer(text)]
    if file.language == "python":
        return found + list(_swallowed(file))
    return found + list(_rescued(file, text) if file.language == "ruby" else _caught(file, text))


def _rescued(file: SourceFile, text: str) -> Iterator[tuple[int, str]]:
    """Of Ruby's jobs: the `rescue` of the whole `perform`."""
    for job in islice(PERFORM.finditer(text), MOST) if QUEUED.search(text) else ():
        end = re.compile(rf"^{job[1]}end\b", re.MULTILINE).search(text, job.end())
        for rescue in RESCUE.finditer(text, job.end(), end.start() if end else job.end()):
            told = text[rescue.end() : end.start() if end else rescue.end()]
            if rescue[1] == job[1] and not re.search(r"\braise\b|\bretry", told):
                yield file.line_at(rescue.start()), "perform rescues every error: its job counts as done."


def _caught(file: SourceFile, text: str) -> Iterator[tuple[int, str]]:
    """Of Bull's processors: the `catch` of a `try` around all they do."""
    for match in (
        islice(PROCESSED.finditer(text), MOST) if re.search(r"['\"](?:bull|bullmq|bee-queue)['\"]", text) else ()
    ):
        body = inside(text, match.end())
        begun = re.match(r"\s*try\s*(?=\{)", body)
        tried = begun.end() + len(inside(body, begun.end())) + 2 if begun else 0
        caught = CATCH.match(body, tried) if begun else None
        told = inside(body, caught.end()) if caught else ""
        if caught and not body[caught.end() + len(told) + 2 :].strip(" \n\t;") and not ERRING.search(told):
            yield (
                file.line_at(match.end() + 1 + caught.end()),
                "The processor catches every error: its job counts as done.",
            )


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
