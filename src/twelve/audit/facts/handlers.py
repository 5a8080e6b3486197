"""The functions of a Python file that answer requests: by their decorators, their class, or who names them."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts.pythons import name_of

Function = ast.FunctionDef | ast.AsyncFunctionDef
_VERBS = {"route", "get", "post", "put", "delete", "patch", "head", "options", "websocket", "expose", "api_route"}
_METHODS = {
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "list",
    "create",
    "retrieve",
    "update",
    "destroy",
    "dispatch",
    "predict",
}
_CLASSES = re.compile(r"(View|ViewSet|Resource|APIView|MethodView|HTTPEndpoint|RequestHandler|Servicer)$")
_GUARDED = re.compile(r"login|auth|admin|permission|require|staff|superuser|token|protect", re.IGNORECASE)
_METHOD_ONLY = re.compile(r"require_(?:POST|GET|safe|http_methods)$")
_ASKED_FOR = ("Depends", "Security")  # of FastAPI
_CHECKS = re.compile(r"^(?:is_(?:admin|staff|superuser)\w*|has_perms?|has_role|check_permissions?|authorize\w*)$")


@dataclass(frozen=True, slots=True)
class Handler:
    """`guarded`: its decorators, its class or its own first look say that not everybody may call it."""

    name: str
    line: int
    node: Function
    guarded: bool


def handlers(file: SourceFile, named: frozenset[str] = frozenset()) -> list[Handler]:
    """`named`: functions that a routing table names, "module.function" or "function"."""
    module = file.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    found = []
    for node in file.nodes:
        if isinstance(node, ast.ClassDef) and any(_CLASSES.search(name_of(base)) for base in node.bases):
            guarded = _is_guarded_class(node)
            found += [_handler(one, guarded) for one in node.body if isinstance(one, Function) and one.name in _METHODS]
        elif isinstance(node, Function) and (
            _is_decorated(node) or _takes_a_request(node) or {node.name, f"{module}.{node.name}"} & named
        ):
            found.append(_handler(node))
    return found


def routed(code: Codebase) -> frozenset[str]:
    """What OpenAPI documents (`operationId`), Django's urls.py and gradio name."""
    return frozenset(name for _, names in code.extracted(named_by_tables) for name in names)


@extraction(language=("yaml", "json", "python"), needles=("operationId", "urlpatterns", "gr.Interface", "add_url_rule"))
def named_by_tables(file: SourceFile) -> list[str]:
    if file.language == "python":
        found = re.finditer(
            r"\b(?:re_)?path\(\s*[^,]+,\s*(?:[\w.]+\.)?(\w+)\s*[,)]|\bfn\s*=\s*(\w+)|view_func\s*=\s*(\w+)", file.text
        )
        return sorted({name for match in found for name in match.groups() if name})
    return sorted(set(re.findall(r"operationId['\"]?\s*:\s*['\"]?([\w.]+)", file.text)))


def _handler(node: Function, guarded: bool = False) -> Handler:
    given = [one for one in (*node.args.defaults, *node.args.kw_defaults) if isinstance(one, ast.Call)]
    asked = (name for one in given if name_of(one.func).endswith(_ASKED_FOR) for name in _names_in(one))
    told = (*asked, *(name for one in node.decorator_list for name in _guards_in(one)))
    guarded = guarded or any(_is_guard(name) for name in told) or _looks_first(node)
    return Handler(node.name, node.lineno, node, guarded)


def _guards_in(decorator: ast.expr) -> Iterator[str]:
    """The names in a decorator that may guard: not the path of a route, nor what the route hangs on."""
    if isinstance(decorator, ast.Call) and _names_a_route(decorator):
        for option in decorator.keywords:
            yield from _names_in(option.value)
    else:
        yield from _names_in(decorator)


def _names_in(node: ast.AST) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Name | ast.Attribute):
            yield one.id if isinstance(one, ast.Name) else one.attr


def _is_guard(name: str) -> bool:
    return bool(_GUARDED.search(name)) and not _METHOD_ONLY.match(name)


def _is_guarded_class(node: ast.ClassDef) -> bool:
    """By a base such as LoginRequiredMixin, a decorator, or REST framework's permission_classes."""
    given = [one.value for one in node.body if isinstance(one, ast.Assign) and _sets_permissions(one)]
    names = {name for value in given for name in _names_in(value)}
    told = [name for one in (*node.bases, *node.decorator_list) for name in _names_in(one)]
    return any(_is_guard(name) for name in told) or bool(names - {"AllowAny", "permissions"})


def _sets_permissions(statement: ast.Assign) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "permission_classes" for one in statement.targets)


def _looks_first(node: Function) -> bool:
    """Whether one of its own conditions asks who it is."""
    conditions = (one.test for one in inside(node) if isinstance(one, ast.If | ast.Assert))
    return any(_CHECKS.match(name) for test in conditions for name in _names_in(test))


def _is_decorated(node: Function) -> bool:
    return any(_names_a_route(one) for one in node.decorator_list)


def _names_a_route(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    receiver, _, last = name_of(called).rpartition(".")
    return (bool(receiver) and last in _VERBS and isinstance(decorator, ast.Call)) or last == "api_view"


def _takes_a_request(node: Function) -> bool:
    """Django's and Starlette's views: the first argument is the request."""
    first = node.args.args[0].arg if node.args.args else ""
    return first == "request" and not node.name.startswith("_")


def inside(node: Function) -> Iterator[ast.AST]:
    return (one for stmt in node.body for one in ast.walk(stmt))
