"""Variables of a module, a package or an object that live as long as the process and that requests change."""

import ast
import re
from collections.abc import Iterator

from twelve.audit.codebase import SourceFile
from twelve.audit.facts.comments import inside, uncommented
from twelve.audit.facts.pythons import name_of

LANGUAGES = ("python", "javascript", "typescript", "go", "java", "ruby")
NEEDLES = (".route(", ".get(", ".post(", ".put(", ".delete(", ".patch(", "websocket(", "api_view", "(request",
           "ResponseWriter", "gin.Context", "Controller", "get '/", 'get "/', "post '/", 'post "/')  # fmt: skip
MOST = 200  # handlers or variables of a file that are looked at
_HANDLERS = {"route", "get", "post", "put", "patch", "delete", "websocket", "api_view", "api_route", "head", "options"}
_PYTHON_ROUTE = re.compile(
    r"^[ \t]*@(?:\w+\.)+(?:route|get|post|put|patch|delete|websocket|api_route)\("
    r"|^[ \t]*@api_view|^[ \t]*def \w+\(request\b",
    re.MULTILINE,
)
_CONTAINERS = {"dict", "list", "set", "defaultdict", "OrderedDict", "deque", "Counter", "collections.defaultdict",
               "collections.deque", "collections.Counter", "collections.OrderedDict"}  # fmt: skip
_CHANGES = {"append", "add", "update", "pop", "extend", "setdefault", "insert", "remove", "clear", "appendleft",
            "popitem", "discard", "popleft"}  # fmt: skip


def changed_by_requests(file: SourceFile) -> Iterator[tuple[int, str]]:
    """(line, name), the line where the variable is made; once for each."""
    if file.language == "python":
        yield from _of_python(file)
    elif file.language in {"javascript", "typescript"}:
        yield from _of_javascript(file)
    elif file.language == "go":
        yield from _of_go(file)
    elif file.language == "java":
        yield from _of_java(file)
    elif file.language == "ruby":
        yield from _of_ruby(file)


def _of_python(file: SourceFile) -> Iterator[tuple[int, str]]:
    if not _PYTHON_ROUTE.search(file.text) or file.python is None:
        return
    made = dict(_made(file.python))
    changed = {name for node in file.nodes if _is_handler(node) for name in _changed(node)}
    yield from ((line, name) for name, line in made.items() if name and name in changed)


def _made(module: ast.Module) -> Iterator[tuple[str, int]]:
    for node in module.body:
        if isinstance(node, ast.Assign):
            yield from ((name_of(target), node.lineno) for target in node.targets if _is_changeable(node.value))
        elif isinstance(node, ast.AnnAssign) and node.value is not None and _is_changeable(node.value):
            yield name_of(node.target), node.lineno


def _is_changeable(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return name_of(node.func) in _CONTAINERS
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | str) or node.value is None
    return isinstance(node, ast.Dict | ast.List | ast.Set)


def _is_handler(node: ast.AST) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    decorators = (one.func if isinstance(one, ast.Call) else one for one in node.decorator_list)
    first = node.args.args[0].arg if node.args.args else ""
    return first == "request" or any(name_of(one).rpartition(".")[2] in _HANDLERS for one in decorators)


def _changed(handler: ast.AST) -> set[str]:
    """Names that are changed in place, or assigned after `global`; a name of the function's own hides a module's."""
    nodes = list(ast.walk(handler))
    shared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    in_place: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            in_place.add(name_of(node.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES:
            in_place.add(name_of(node.func.value))
    return (in_place - (stored - shared)) | (shared & stored)


_JS_ROUTE = re.compile(r"\b(?:app|router|server|fastify|api)\.(?:get|post|put|patch|delete|all)(\()")
_JS_MADE = re.compile(
    r"^(?:const|let|var)\s++(?P<name>\w++)\s*+(?::[^=\n]++)?=\s*+"
    r"(?:\[|\{|new\s++(?:Map|Set)\b|\d++[ \t]*+(?:;[ \t]*+)?$|null\b|['\"]['\"])",
    re.MULTILINE,
)


def _of_javascript(file: SourceFile) -> Iterator[tuple[int, str]]:
    text = uncommented(file)
    handlers = "\n".join(inside(text, match.start(1)) for match in list(_JS_ROUTE.finditer(text))[:MOST])
    if handlers:
        yield from _texts_changed(file, text, handlers, _JS_MADE)


def _texts_changed(file: SourceFile, text: str, handlers: str, made: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    for match in list(made.finditer(text))[:MOST]:
        name = re.escape(match["name"])
        changed = re.search(
            rf"(?<![\w.]){name}(?:\.(?:push|unshift|splice|set|add|delete|pop|shift|put|remove|putIfAbsent|clear|incrementAndGet"
            rf"|merge|computeIfAbsent|append|store|Store)\s*\(|(?:\[[^\]\n]+\]|\.\w+)?\s*(?:=(?![=>])|\+=|-=|\+\+|--|<<)|\s*:?=\s*append\()"
            rf"|(?:\+\+|--){name}\b|\bdelete\s*\(?\s*{name}\s*[\[,.]",
            handlers,
        )
        hidden = re.search(rf"\b(?:const|let|var)\s+{name}\b|\b{name}\s*:=", handlers)
        if changed and not hidden:
            yield file.line_at(match.start("name")), match["name"]


_GO_MADE = re.compile(
    r"^(?:var[ \t]+|\t)(?P<name>\w+)[ \t]*(?:(?:=[ \t]*)?(?:make\()?(?:map\[|\[\])"
    r"|(?:int\d*|uint\d*)[ \t]*(?:=|$)|=[ \t]*\d+[ \t]*$)",
    re.MULTILINE,
)
_GO_HANDLER = re.compile(
    r"\bfunc\b[^\n{]{0,300}?(?:http\.ResponseWriter|\*gin\.Context|echo\.Context|\*fiber\.Ctx)[^\n{]{0,300}(\{)"
)


def _of_go(file: SourceFile) -> Iterator[tuple[int, str]]:
    text = uncommented(file)
    handlers = "\n".join(inside(text, match.start(1)) for match in list(_GO_HANDLER.finditer(text))[:MOST])
    if handlers:
        package = _of_the_package(text.split("\n"))
        yield from (row for row in _texts_changed(file, text, handlers, _GO_MADE) if row[0] in package)


def _of_the_package(lines: list[str]) -> set[int]:
    """Lines that declare variables outside of functions: `var x ...`, and those in `var (...)`."""
    found: set[int] = set()
    is_block = False
    for number, text in enumerate(lines, start=1):
        if text.startswith("var "):
            is_block = text.rstrip() == "var ("
            found.add(number)
        elif is_block and text.startswith("\t"):
            found.add(number)
        elif text.strip():
            is_block = False
    return found


_JAVA_MADE = re.compile(
    r"^[ \t]+(?:(?:private|protected|public)[ \t]+)?(?:static\s+)?(?:final\s+)?"
    r"(?:Map|List|Set|HashMap|ArrayList|ConcurrentHashMap|ConcurrentMap"
    r"|HashSet|AtomicLong|AtomicInteger|int|long)(?:<[^=;]*>)?\s+(?P<name>\w+)\s*=\s*(?:new\b|\d)", re.MULTILINE
)  # fmt: skip


_JAVA_METHOD = re.compile(r"\)\s*(?:throws[^{()]*)?(\{)")


def _of_java(file: SourceFile) -> Iterator[tuple[int, str]]:
    text = uncommented(file)
    match = re.search(r"@(?:Rest)?Controller\b[^{]*?\bclass\b[^{]*(\{)", text)
    if match:
        body = inside(text, match.start(1), 200_000)
        fields = {
            one["name"]
            for one in list(_JAVA_MADE.finditer(body))[:MOST]
            if body.count("{", 0, one.start()) == body.count("}", 0, one.start())
        }
        methods = "\n".join(inside(body, one.start(1)) for one in list(_JAVA_METHOD.finditer(body))[:MOST])
        yield from (row for row in _texts_changed(file, text, methods, _JAVA_MADE) if row[1] in fields)


_RUBY_ROUTE = re.compile(r"^[ \t]*(?:get|post|put|patch|delete)\s+['\"]/", re.MULTILINE)
_RUBY_MADE = re.compile(r"^[ \t]*(?P<name>(?:@@|\$)\w+)\s*=\s*(?:\[|\{|\d|Hash\.new|Set\.new)", re.MULTILINE)
_RUBY_CHANGED = (
    r"(?:\[[^\n=]*\]\s*(?:\|\|)?=[^=]|\s*<<|\s*\+="
    r"|\.(?:push|delete|merge!|store|add|clear|unshift|concat)\b)"
)


def _of_ruby(file: SourceFile) -> Iterator[tuple[int, str]]:
    text = uncommented(file)
    if not _RUBY_ROUTE.search(text) and "Controller" not in text:
        return
    for match in _RUBY_MADE.finditer(text):
        if re.search(re.escape(match["name"]) + _RUBY_CHANGED, text):
            yield file.line_at(match.start("name")), match["name"]
