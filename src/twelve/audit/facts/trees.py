"""Syntax trees of JavaScript, TypeScript, Ruby, Go and Java, and of Python that is newer than ours.

The parser (ast-grep) is large, so it is installed when the first file needs it; without it such files have no tree.
"""

import importlib
import sys
from functools import cache
from typing import Any

from twelve.audit.codebase import LARGEST_TREE, SourceFile
from twelve.core.errors import TwelveError
from twelve.infra import components
from twelve.infra.settings import Settings

DISTRIBUTION = "ast-grep-py"
PARSED = {"javascript", "typescript", "tsx", "ruby", "go", "java", "python"}


def tree(file: SourceFile) -> Any | None:
    """ast-grep's root node (`find_all(pattern=...)`, `range().start.line` from 0); None when it cannot be parsed."""
    if file.language not in PARSED or len(file.data) > LARGEST_TREE:
        return None
    parser = _parser()
    if parser is None:
        file.complete = False
        return None
    kept = file.__dict__.get("_tree")
    if kept is None:
        kept = file.__dict__["_tree"] = parser.SgRoot(file.text, file.language)
    return kept.root()


def line(node: Any) -> int:
    return int(node.range().start.line) + 1


@cache
def _parser() -> Any | None:
    """None where it is missing and cannot be installed: offline, or on a machine without a wheel."""
    try:
        place = components.installed(DISTRIBUTION, Settings.from_environment().home / "components")
    except (TwelveError, OSError):
        return None
    if str(place) not in sys.path:
        sys.path.append(str(place))
    return importlib.import_module("ast_grep_py")
