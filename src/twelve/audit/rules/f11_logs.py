"""Factor XI: logs are event streams to stdout; where they go is the platform's business."""

import ast
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, SourceFile
from twelve.audit.facts.pythons import calls, name_of
from twelve.audit.model import Evidence, Hit
from twelve.audit.rule import ERROR, Rulebook

RULES = Rulebook()
FILE_HANDLERS = {"FileHandler", "RotatingFileHandler", "TimedRotatingFileHandler", "WatchedFileHandler"}


def witness(_code: Codebase) -> Iterator[Evidence]:
    """What speaks for a pass."""
    yield from ()


@RULES.of_files(
    "TF11-file-handler",
    ERROR,
    "The app writes its log to a file.",
    fix="Log to stdout, unbuffered; `twelve drains` carries the stream on.",
    bad={"app.py": "import logging\nlogging.getLogger().addHandler(logging.FileHandler('app.log'))\n"},
    good={"app.py": "import logging, sys\nlogging.basicConfig(stream=sys.stdout)\n"},
    language="python",
    needles=("FileHandler",),
)
def log_goes_to_a_file(file: SourceFile) -> Iterator[Hit]:
    for call in calls(file):
        if name_of(call.func).rpartition(".")[2] in FILE_HANDLERS and _is_to_a_file(call):
            yield Hit(file.path, call.lineno)


def _is_to_a_file(call: ast.Call) -> bool:
    first = call.args[0] if call.args else None
    return not (isinstance(first, ast.Constant) and first.value in {"/dev/stdout", "/dev/stderr"})
