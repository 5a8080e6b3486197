"""Variables of a module, a package or an object that live as long as the process and that requests change."""

import ast
import re
from collections.abc import Iterator
from itertools import islice

from twelve.audit.codebase import SourceFile
from twelve.audit.facts.comments import MOST, inside, uncommented
from twelve.audit.facts.handlers import Function, handlers
from twelve.audit.facts.pythons import name_of

LANGUAGES = ("python", "javascript", "typescript", "go", "java", "ruby")
NEEDLES = (".route(", ".get(", ".post(", ".put(", ".delete(", ".patch(", "websocket(", "api_view", "(request",
           "ResponseWriter", "gin.Context", "Controller", "get '/", 'get "/', "post '/", 'post "/', "(req,", "(req:",
           "Resource)", "View)", "@nestjs/common", "@Service", "@Repository", "function POST(")  # fmt: skip
LONGEST = 100_000  # characters of a file's handlers that are looked at
_PYTHON_ROUTE = re.compile(
    r"^[ \t]*@(?:\w+\.)+(?:route|get|post|put|patch|delete|websocket|api_route)\("
    r"|^[ \t]*@api_view|^[ \t]*def \w+\(request\b|^class \w+\([^)\n]{0,200}(?:Resource|View|ViewSet|Endpoint)\)",
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
    answering = [handler.node for handler in handlers(file)]
    called = {name_of(call.func) for node in answering for call in ast.walk(node) if isinstance(call, ast.Call)}
    helpers = [node for node in file.python.body if isinstance(node, Function) and node.name in called]
    changed = {name for node in (*answering, *helpers) for name in _changed(node)}
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


def _changed(handler: Function) -> set[str]:
    """Names that are changed in place, or assigned after `global`; a name of the function's own hides a module's."""
    nodes = list(ast.walk(handler))
    shared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own = {node.arg for node in nodes if isinstance(node, ast.arg)} | (stored - shared)
    in_place: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            in_place.add(name_of(node.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES:
            in_place.add(name_of(node.func.value))
    return (in_place - own) | ((shared & stored) - _made_once(nodes))


def _made_once(nodes: list[ast.AST]) -> set[str]:
    """What is only set where it was not there yet: `if model is None: model = load()`."""
    asked: dict[str, int] = {}
    for node in (one for one in nodes if isinstance(one, ast.If)):
        for test in ast.walk(node.test):
            if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is | ast.Eq):
                asked[name_of(test.left)] = node.lineno
            elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
                asked[name_of(test.operand)] = node.lineno
    stores = [node for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    early = {node.id for node in stores if node.lineno < asked.get(node.id, node.lineno)}
    changed = {name_of(node.target) for node in nodes if isinstance(node, ast.AugAssign)}
    return set(asked) - early - changed


_JS_ROUTE = re.compile(
    r"\b(?:app|router|server|fastify|api)\.(?:get|post|put|patch|delete|all)(?P<call>\()"
    r"|\(\s*_?(?:req|request)\b[^()]{0,160}\)\s*(?::[^={}()]{0,60})?(?:=>\s*)?(?P<function>\{)"
    r"|\bexport\s+(?:async\s+)?function\s+(?:GET|POST|PUT|PATCH|DELETE)\([^()]{0,160}\)\s*(?::[^={}()]{0,60})?(?P<route>\{)"
)
_NEST_FIELD = re.compile(
    r"^[ \t]+(?:(?:private|public|protected)\s+)?(?:readonly\s+)?(?P<name>\w+)\s*(?::[^=\n;(]{1,80})?=\s*"
    r"(?:\[|\{|new (?:Map|Set)\b|\d+;?$)",
    re.MULTILINE,
)
_JS_MADE = re.compile(
    r"^(?:const|let|var)\s++(?P<name>\w++)\s*+(?::[^=\n]++)?=\s*+"
    r"(?:\[|\{|new\s++(?:Map|Set)\b|\d++[ \t]*+(?:;[ \t]*+)?$|null\b|['\"]['\"])",
    re.MULTILINE,
)


def _of_javascript(file: SourceFile) -> Iterator[tuple[int, str]]:
    text = uncommented(file)
    routes = list(_JS_ROUTE.finditer(text))[:MOST]
    answering = "\n".join(inside(text, match.start(match.lastgroup or 0)) for match in routes)
    if answering:
        yield from _texts_changed(file, text, answering, _JS_MADE)
    if "@nestjs/common" in text:
        for match in list(_NEST_FIELD.finditer(text))[:MOST]:
            if re.search(rf"\bthis\.{match['name']}{_IN_PLACE}", text):
                yield file.line_at(match.start("name")), match["name"]


_IN_PLACE = r"(?:\.(?:push|unshift|splice|set|add|delete|pop|shift)\s*\(|\[[^\]\n]+\]\s*=(?!=)|\s*(?:\+=|-=|\+\+|--))"


def _texts_changed(file: SourceFile, text: str, answering: str, made: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    answering = answering[:LONGEST]
    for match in list(made.finditer(text))[:MOST]:
        name = re.escape(match["name"])
        changed = re.search(
            rf"(?<![\w.]){name}(?:\.(?:push|unshift|splice|set|add|delete|pop|shift|put|remove|putIfAbsent|clear|incrementAndGet"
            rf"|merge|computeIfAbsent|append|store|Store)\s*\(|(?:\[[^\]\n]+\]|\.\w+)?\s*(?:=(?![=>])|\+=|-=|\+\+|--|<<)|\s*:?=\s*append\()"
            rf"|(?:\+\+|--){name}\b|\bdelete\s*\(?\s*{name}\s*[\[,.]",
            answering,
        )
        if changed and not re.search(
            rf"\b(?:const|let|var)\s+{name}\b|\b{name}\s*:=|\bif\s*\(\s*(?:!\s*{name}\s*\)|{name}\s*===?\s*(?:null|undefined))"
            rf"|\b{name}\s*(?:\?\?|\|\|)=",
            answering,
        ):
            yield file.line_at(match.start("name")), match["name"]


_GO_MADE = re.compile(
    r"^(?:var[ \t]+|\t)(?P<name>\w+)[ \t]*(?:(?:=[ \t]*)?(?:make\()?(?:map\[|\[\])"
    r"|(?:int\d*|uint\d*)[ \t]*(?:=|$)|sync\.Map\b|=[ \t]*\d+[ \t]*$)",
    re.MULTILINE,
)
_GO_RECEIVER = re.compile(r"func \((\w+) \*\w+\)")
_GO_FIELD = re.compile(r"^\t(\w+)[ \t]+(?:map\[|\[\]|u?int\d*$)", re.MULTILINE)
_GO_HANDLER = re.compile(
    r"\bfunc\b[^\n{]{0,300}?(?:http\.ResponseWriter|\*gin\.Context|echo\.Context|\*fiber\.Ctx)[^\n{]{0,300}(\{)"
)


def _of_go(file: SourceFile) -> Iterator[tuple[int, str]]:
    text = uncommented(file)
    bodies = [(match, inside(text, match.start(1))) for match in list(_GO_HANDLER.finditer(text))[:MOST]]
    if bodies:
        package = _of_the_package(text.split("\n"))
        answering = "\n".join(body for _, body in bodies)
        yield from (row for row in _texts_changed(file, text, answering, _GO_MADE) if row[0] in package)
        yield from _of_receivers(file, text, bodies)


def _of_receivers(file: SourceFile, text: str, bodies: list[tuple[re.Match[str], str]]) -> Iterator[tuple[int, str]]:
    """Fields that hold what many requests say, of the object whose method answers."""
    names = {
        changed[1]
        for match, body in bodies
        if (receiver := _GO_RECEIVER.match(match[0]))
        for changed in re.finditer(rf"\b{receiver[1]}\.(\w+)(?:\[[^\]\n]+\]\s*=[^=]|\s*=\s*append\(|\+\+|\s*\+=)", body)
    }
    for match in _GO_FIELD.finditer(text) if names else ():
        if match[1] in names:
            yield file.line_at(match.start(1)), match[1]


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
    r"|HashSet|AtomicLong|AtomicInteger|int|long)(?:<[^=;(){}]*>)?\s+(?P<name>\w+)\s*=\s*(?:new\b|\d)", re.MULTILINE
)  # fmt: skip


_JAVA_METHOD = re.compile(r"\)\s*(?:throws[^{()]*)?(\{)")


def _of_java(file: SourceFile) -> Iterator[tuple[int, str]]:
    text = uncommented(file)
    match = re.search(
        r"@(?:RestController|Controller|Service|Repository)\b[^{]*?\bclass\s+(?P<name>\w+)[^{]*(?P<body>\{)", text
    )
    if match:
        body = inside(text, match.start("body"), 200_000)
        fields = {
            one["name"]
            for one in list(_JAVA_MADE.finditer(body))[:MOST]
            if body.count("{", 0, one.start()) == body.count("}", 0, one.start())
        }
        every = list(_JAVA_METHOD.finditer(body))[:MOST]
        methods = "\n".join(inside(body, one.start(1)) for one in every if not _prepares(body, one, match["name"]))
        yield from (row for row in _texts_changed(file, text, methods, _JAVA_MADE) if row[1] in fields)


def _prepares(body: str, method: re.Match[str], name: str) -> bool:
    """A constructor, or what runs once behind it."""
    head = re.split(r"[;}]", body[max(0, method.start() - 400) : method.start()])[-1]
    return bool(re.search(rf"(?<![\w.]){name}\s*\(|@PostConstruct", head))


_RUBY_ROUTE = re.compile(r"^[ \t]*(?:get|post|put|patch|delete)\s+['\"]/", re.MULTILINE)
_RUBY_MADE = re.compile(
    r"^(?P<name>[ \t]*(?:@@|\$)\w+|[A-Za-z]\w*)\s*=\s*(?:\[|\{|\d|Hash\.new|Set\.new)", re.MULTILINE
)
_RUBY_CHANGED = (
    r"(?:\[[^\n=]*\]\s*(?:\|\|)?=[^=]|\s*<<|\s*\+="
    r"|\.(?:push|delete|merge!|store|add|clear|unshift|concat)\b)"
)


def _of_ruby(file: SourceFile) -> Iterator[tuple[int, str]]:
    text = uncommented(file)
    if not _RUBY_ROUTE.search(text) and "Controller" not in text:
        return
    routes = _RUBY_ROUTE.search(text)
    for match in islice(_RUBY_MADE.finditer(text), MOST):
        name = match["name"].strip()
        inner = "" if name[0] in "@$" else r"^[ \t]+(?:.{0,200}[^\w.@$])?"  # a local of the file, in a block of it
        if (not inner or routes) and re.search(inner + re.escape(name) + _RUBY_CHANGED, text, re.MULTILINE):
            yield file.line_at(match.start("name")), name
