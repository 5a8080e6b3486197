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


@dataclass(frozen=True, slots=True)
class Handler:
    """`guarded`: its decorators say that not everybody may call it."""

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
            found += [_handler(one) for one in node.body if isinstance(one, Function) and one.name in _METHODS]
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


def _handler(node: Function) -> Handler:
    decorators = " ".join(ast.unparse(one) for one in node.decorator_list)
    return Handler(
        node.name, node.lineno, node, bool(_GUARDED.search(re.sub(r"require_(POST|GET|http_methods)", "", decorators)))
    )


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
