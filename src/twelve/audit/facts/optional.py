"""Whether a piece of Python only runs when somebody asks for it: below `if LOG_TO_FILE:`, off when nothing is set."""

import ast

from twelve.audit.codebase import SourceFile
from twelve.audit.facts.pythons import name_of, text_of

_ON = {"1", "true", "yes", "on", "y", "t"}
_DEVELOPMENT = {"dev", "development", "local", "debug", "test", "testing"}


def parents(file: SourceFile) -> dict[ast.AST, ast.AST]:
    kept: dict[ast.AST, ast.AST] | None = file.__dict__.get("_parents")
    if kept is None:
        kept = {child: node for node in file.nodes for child in ast.iter_child_nodes(node)}
        file.__dict__["_parents"] = kept
    return kept


def in_tests(file: SourceFile, node: ast.AST) -> bool:
    """Inside a class for tests, or below a test for running them: `class TestingConfig`, `if "test" in sys.argv`."""
    above = parents(file)
    while node in above:
        child, node = node, above[node]
        if isinstance(node, ast.ClassDef) and "test" in node.name.lower():
            return True
        if isinstance(node, ast.If) and child in node.body and "test" in ast.unparse(node.test).lower():
            return True
    return False


def opted_into(file: SourceFile, node: ast.AST) -> bool:
    """Inside a branch that is off by default, or part of a value that only such branches use."""
    return _in_such_a_branch(file, node) or _only_used_there(file, node)


def _in_such_a_branch(file: SourceFile, node: ast.AST) -> bool:
    above = parents(file)
    while node in above:
        child, node = node, above[node]
        if isinstance(node, ast.If) and child in node.body and _asks(file, node.test):
            return True
        if isinstance(node, ast.IfExp) and child is node.body and _asks(file, node.test):
            return True
    return False


def _only_used_there(file: SourceFile, node: ast.AST) -> bool:
    above = parents(file)
    while node in above and not isinstance(node, ast.stmt):
        node = above[node]
    if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
        return False
    name = node.targets[0].id
    uses = [one for one in file.nodes if isinstance(one, ast.Name) and one.id == name and isinstance(one.ctx, ast.Load)]
    return bool(uses) and all(_in_such_a_branch(file, one) for one in uses)


def _asks(file: SourceFile, test: ast.expr) -> bool:
    """Whether a test is false when nothing is configured: `if LOG_FILE`, `if settings.X`, `if getenv("X") == "1"`."""
    if isinstance(test, ast.BoolOp):
        asked = [_asks(file, one) for one in test.values]
        return any(asked) if isinstance(test.op, ast.And) else all(asked)
    if isinstance(test, ast.Compare):
        return _compares(file, test)
    return isinstance(test, ast.Name | ast.Attribute | ast.Subscript | ast.Call) and _is_off(file, test)


def _compares(file: SourceFile, test: ast.Compare) -> bool:
    wanted = test.comparators[0]
    if not isinstance(test.ops[0], ast.Eq | ast.Is) or not isinstance(wanted, ast.Constant) or wanted.value is None:
        return False
    told = str(wanted.value).lower()
    return (told in _ON or told in _DEVELOPMENT) and _is_off(file, test.left)


def _is_off(file: SourceFile, value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return _is_lookup(value) and not _is_on(value)
    if isinstance(value, ast.Name):
        given = [one.value for one in file.nodes if isinstance(one, ast.Assign) and _names(one, value.id)]
        return not any(_gives_on(one) for one in given)
    return isinstance(value, ast.Attribute | ast.Subscript)


def _names(assignment: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in assignment.targets)


def _gives_on(value: ast.expr) -> bool:
    if isinstance(value, ast.Constant):
        return bool(value.value)
    return any(_is_on(one) for one in ast.walk(value) if isinstance(one, ast.Call))


def _is_lookup(call: ast.Call) -> bool:
    name = name_of(call.func).lower()
    return name.endswith(("getenv", ".get", "env", "config", "env.bool", "strtobool", "get_bool", "bool"))


def _is_on(call: ast.Call) -> bool:
    """By its default: the second argument, or `default=`."""
    given = [*call.args[1:2], *(one.value for one in call.keywords if one.arg == "default")]
    inner = any(_is_on(one) for one in call.args if isinstance(one, ast.Call))
    return inner or any(
        (isinstance(one, ast.Constant) and one.value is True) or (text_of(one) or "").lower() in _ON for one in given
    )
