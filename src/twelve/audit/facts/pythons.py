"""Small questions about Python trees that many rules ask."""

import ast
from collections.abc import Iterator

from twelve.audit.codebase import SourceFile


def calls(file: SourceFile) -> Iterator[ast.Call]:
    return (node for node in file.nodes if isinstance(node, ast.Call))


def name_of(node: ast.AST) -> str:
    """A dotted name as written: "logging.FileHandler", "os.environ.get"; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def text_of(node: ast.AST | None) -> str | None:
    """The value of a string literal; None for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((one.value for one in call.keywords if one.arg == name), None)


def is_a_string(file: SourceFile, line: int, value: str) -> bool:
    """Whether a literal of this value begins there, rather than words of a docstring; True when nothing can tell."""
    if file.python is None:
        return True
    known = (value, value.encode())
    texts = (one for one in file.nodes_at.get(line, ()) if isinstance(one, ast.Constant))
    return any(one.value in known or ("\\" in value and isinstance(one.value, str | bytes)) for one in texts)
