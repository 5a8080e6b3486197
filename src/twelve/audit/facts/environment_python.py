"""What a Python file reads from its environment: os.environ, decouple, django-environ, pydantic-settings, helpers."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from twelve.audit.codebase import SourceFile
from twelve.audit.facts.pythons import keyword, name_of, text_of

_GETTERS = {"os.environ.get", "os.getenv", "environ.get", "getenv", "os.environ.setdefault", "environ.setdefault",
            "os.environ.pop"}  # fmt: skip
_MAPPINGS = {"os.environ", "environ"}
_URLS = {"dj_database_url.config": "DATABASE_URL", "dj_email_url.config": "EMAIL_URL",
         "django_cache_url.config": "CACHE_URL", "env.db": "DATABASE_URL", "env.cache": "CACHE_URL"}  # fmt: skip
_HELPER = re.compile(r"(?i)(^|_)(env|environ|getenv|environment)(_|$)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Z0-9_]+")
_READS = re.compile(
    r"environ\b|getenv|BaseSettings|twelve_runtime|dj_database_url|dj_email_url|django_cache_url|decouple"
    r"|starlette\.config|\bEnv\(|env\(\s*[\"']|\benv\.\w+\(\s*[\"']|_env\w{0,40}\(\s*+[\"']"
)
DEBUGGING = re.compile(r"(?i)(^|_)(debug|testing|development|dev|local)($|_)")


@dataclass(slots=True)
class Found:
    """As in Read; of one file."""

    name: str
    line: int
    default: str | None = None
    otherwise: str = ""
    required: bool = False
    debugging: bool = False


def found(file: SourceFile) -> Iterator[Found]:
    if not _READS.search(file.text):
        return
    instead = _instead(file.nodes)
    debugging = debugging_lines(file)
    made: dict[int, Found] = {}
    bases = {"BaseSettings", "Config"} if "twelve_runtime" in file.text else {"BaseSettings"}
    decoupled = "decouple" in file.text or "starlette.config" in file.text
    has_schemes = "Env(" in file.text
    for node in file.nodes:
        if isinstance(node, ast.ClassDef):
            yield from _of_settings(node, bases)
        elif has_schemes and isinstance(node, ast.Call) and name_of(node.func).rpartition(".")[2] == "Env":
            yield from _of_scheme(node)
        elif (one := _read(node, decoupled=decoupled)) is not None:
            if id(node) in instead:
                _set_default(one, instead[id(node)])
            one.debugging = one.line in debugging
            made[id(node)] = one
    _filled_later(file.nodes, made)
    yield from made.values()


def debugging_lines(file: SourceFile) -> set[int]:
    """Lines that only run while the app is being debugged or tested."""
    lines: set[int] = set()
    for node in file.nodes:
        if isinstance(node, ast.If) and _is_debugging(node.test):
            branch = node.orelse if _is_negated(node.test) else node.body
            for statement in branch:
                lines |= set(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1))
    return lines


def _is_debugging(test: ast.expr) -> bool:
    names = (name_of(node).rpartition(".")[2] for node in ast.walk(test) if isinstance(node, ast.Name | ast.Attribute))
    return any(DEBUGGING.search(name) for name in names)


def _is_negated(test: ast.expr) -> bool:
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _read(node: ast.AST, *, decoupled: bool) -> Found | None:
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and name_of(node.value) in _MAPPINGS:
        name = text_of(node.slice)
        return Found(name, node.lineno, required=True) if name else None
    if isinstance(node, ast.Compare) and name_of(node.comparators[0]) in _MAPPINGS and (name := text_of(node.left)):
        return Found(name, node.lineno)
    return _called(node, decoupled=decoupled) if isinstance(node, ast.Call) else None


def _called(call: ast.Call, *, decoupled: bool) -> Found | None:
    function = name_of(call.func)
    name = text_of(call.args[0]) if call.args else None
    if function in _URLS:
        one = Found(text_of(keyword(call, "env")) or name or _URLS[function], call.lineno)
    elif name and function in _GETTERS:
        one = Found(name, call.lineno)
    elif name is None or not _VARIABLE.fullmatch(name):
        return None
    elif _is_helper(function, decoupled=decoupled):
        one = Found(name, call.lineno, required=function in {"env", "config"} and len(call.args) == 1)
    else:
        return None
    if (default := keyword(call, "default") or (call.args[1] if len(call.args) > 1 else None)) is not None:
        _set_default(one, default)
    return one


def _is_helper(function: str, *, decoupled: bool) -> bool:
    first, _, last = function.rpartition(".")
    if last in {"config", "Config"}:
        return decoupled
    return bool(_HELPER.search(last)) or first in {"env", "config.env"} or first.endswith(".env")


def _set_default(one: Found, node: ast.expr) -> None:
    """A literal is told as its text; None is no default."""
    one.required = False
    if isinstance(node, ast.Constant):
        one.default = None if node.value is None or node.value is ... else str(node.value)
    elif isinstance(node, ast.List | ast.Tuple | ast.Dict) and not ast.dump(node).count("Constant"):
        one.default = ""
    elif not isinstance(node, ast.Name) or node.id not in {"str", "int", "bool", "float", "list", "dict"}:
        one.otherwise = ast.unparse(node)


def _instead(nodes: list[ast.AST]) -> dict[int, ast.expr]:
    """Of each part of `x or y` and `x if ... else y`: what stands in its place when it is empty."""
    known: dict[int, ast.expr] = {}
    for node in nodes:
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            parts, last = node.values[:-1], node.values[-1]
        elif isinstance(node, ast.IfExp):
            parts, last = [node.body], node.orelse
        else:
            continue
        for part in parts:
            known.update((id(inner), last) for inner in ast.walk(part) if isinstance(inner, ast.Call | ast.Subscript))
    return known


def _filled_later(nodes: list[ast.AST], made: dict[int, Found]) -> None:
    """`if not KEY: KEY = ...`, after KEY was read."""
    by_target: dict[str, Found] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and (one := made.get(id(node.value))):
            by_target.update((name_of(target), one) for target in node.targets)
    for node in nodes:
        for statement in _instead_of_it(node):
            if isinstance(statement, ast.Assign) and (name := name_of(statement.targets[0])) in by_target:
                if isinstance(node, ast.If) and name not in {name_of(inner) for inner in ast.walk(node.test)}:
                    continue
                _set_default(by_target[name], statement.value)
                by_target[name].debugging = isinstance(node, ast.If) and _is_debugging(node.test)


def _instead_of_it(node: ast.AST) -> list[ast.stmt]:
    """The statements of `if not KEY:`, and those of `except KeyError:`."""
    if isinstance(node, ast.If):
        return node.body
    if isinstance(node, ast.ExceptHandler) and node.type is not None and name_of(node.type) == "KeyError":
        return node.body
    return []


def _of_scheme(call: ast.Call) -> Iterator[Found]:
    """django-environ's: Env(DEBUG=(bool, False))."""
    for one in call.keywords:
        if one.arg and isinstance(one.value, ast.Tuple) and len(one.value.elts) == 2:
            found = Found(one.arg, one.value.lineno)
            _set_default(found, one.value.elts[1])
            yield found


def _of_settings(node: ast.ClassDef, bases: set[str]) -> Iterator[Found]:
    """A class of pydantic-settings, or of what our library makes of it: its fields are variables, in capitals."""
    if not any(name_of(base).rpartition(".")[2] in bases for base in node.bases):
        return
    prefix = next((text_of(one.value) for inner in ast.walk(node) if isinstance(inner, ast.keyword)
                   for one in [inner] if inner.arg == "env_prefix"), None) or ""  # fmt: skip
    for field in node.body:
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        if field.target.id != "model_config":
            yield _field(field, prefix + field.target.id)


def _field(field: ast.AnnAssign, name: str) -> Found:
    value = field.value
    if isinstance(value, ast.Call) and name_of(value.func).rpartition(".")[2] == "Field":
        alias = keyword(value, "validation_alias") or keyword(value, "alias") or keyword(value, "env")
        name = text_of(alias) or name
        value = (
            keyword(value, "default") or keyword(value, "default_factory") or (value.args[0] if value.args else None)
        )
    one = Found(name.upper(), field.lineno, required=True)
    if value is not None and not (isinstance(value, ast.Constant) and value.value is ...):
        _set_default(one, value)
    return one
