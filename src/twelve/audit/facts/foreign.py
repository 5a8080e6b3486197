"""Which modules and packages the code imports that are neither its own nor the language's."""

import ast
import re
from dataclasses import dataclass

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts.comments import is_inside_string, uncommented
from twelve.audit.facts.modules import is_standard
from twelve.audit.facts.pythons import name_of

# Every line but the first begins after a line feed: a literal that the search leaps to.
_PYTHON = re.compile(rb"\n[ \t]*(?:import[ \t]++([\w., \t]++)|from[ \t]++([A-Za-z_]\w*+)[\w.]*+[ \t]++import\b)")
_JS = re.compile(
    r"""(?:\brequire[ \t]*\([ \t]*|\bfrom[ \t]+|^[ \t]*import[ \t]+|\bimport[ \t]*\([ \t]*)["']([@\w][^"'\n]*)["']""",
    re.MULTILINE,
)
_TRIED = re.compile(r"\btry\s*\{[^}]*$")
# https://nodejs.org/api/modules.html#built-in-modules
NODE_OWN = {
    "assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram",
    "diagnostics_channel", "dns", "domain", "events", "fs", "http", "http2", "https", "inspector", "module", "net",
    "os", "path", "perf_hooks", "process", "punycode", "querystring", "readline", "repl", "stream", "string_decoder",
    "sys", "timers", "tls", "trace_events", "tty", "url", "util", "v8", "vm", "wasi", "worker_threads", "zlib",
}  # fmt: skip
_BROWSER = re.compile(r"(^|/)(static|public|assets|media|www)/")
_IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


@dataclass(frozen=True, slots=True)
class Import:
    language: str
    module: str
    path: str
    line: int


@extraction(language="python", needles=("import",))
def python_imports(file: SourceFile) -> list[tuple[str, int]]:
    """(top-level module, line) of what is not in the standard library, each module once."""
    found: dict[str, int] = {}
    data = b"\n" + file.data
    line, at = 1, 0
    for match in _PYTHON.finditer(data):
        line, at = line + data.count(b"\n", at, match.start()), match.start()
        for name in (match[1] or match[2]).decode("ascii", "replace").split(","):
            module = name.strip().partition(" ")[0].partition(".")[0]
            if module not in found and module.isidentifier() and not is_standard(module):
                found[module] = line
    return list(found.items())


@extraction(language=("javascript", "typescript", "tsx"), needles=("require", "import"))
def node_imports(file: SourceFile) -> list[tuple[str, int]]:
    """(package, line) of what is not in Node itself, each package once; what is only tried does not count."""
    found: dict[str, int] = {}
    text = uncommented(file)
    for match in _JS.finditer(text):
        package = "/".join(match[1].split("/")[: 2 if match[1].startswith("@") else 1])
        is_tried = _TRIED.search(text, max(0, match.start() - 300), match.start())
        if _is_package(package) and not is_tried and not is_inside_string(file, match.start()):
            found.setdefault(package, file.line_at(match.start(1)))
    return list(found.items())


def _is_package(name: str) -> bool:
    """Not an alias ("@/shop", "~shop"), not a scheme ("node:fs", "virtual:pages"), not Node's own."""
    return bool(re.fullmatch(r"(?:@[\w.-]+/)?[\w.-]+", name)) and name not in NODE_OWN


# What is imported with no manifest at all tells of libraries; where there is one, the compiler sees to the rest.
_OTHERS = {
    "go": re.compile(r"^[ \t]*(?:import[ \t]+)?(?:[\w.]+[ \t]+)?\"([\w-]+\.[\w.-]+/[\w./-]+)\"", re.MULTILINE),
    "java": re.compile(
        r"^import[ \t]+(?:static[ \t]+)?((?:org\.(?:springframework|hibernate|apache)|io|com\.fasterxml)\.\w+)",
        re.MULTILINE,
    ),
    "ruby": re.compile(
        r"^[ \t]*require[ \t(]+['\"]((?:sinatra|rails|rack|puma|pg|redis|sequel|nokogiri|sidekiq|active_record|faraday"
        r"|httparty|mysql2|grape|roda|hanami|dotenv)\b[\w/]*)", re.MULTILINE,
    ),
}  # fmt: skip


@extraction(language=tuple(_OTHERS), needles=("import", "require"))
def other_imports(file: SourceFile) -> list[tuple[str, int]]:
    """(module, line) of the first library that a file of Go, Java or Ruby imports."""
    return [(match[1], line) for line, match in file.search(_OTHERS[file.language])][:1]


def foreign_imports(code: Codebase) -> list[Import]:
    """What the app imports from elsewhere; the first place of each module."""
    own = _own_names(code)
    found: dict[tuple[str, str], Import] = {}
    for language, wanted in (("python", python_imports), ("javascript", node_imports)):
        for file, modules in code.extracted(wanted):
            for module, line in modules:
                if module not in own and not (language == "javascript" and _BROWSER.search(file.path)):
                    found.setdefault((language, module), Import(language, module, file.path, line))
    return list(found.values())


def is_needed(file: SourceFile, module: str) -> bool:
    """Whether a Python file imports the module without a way to do without it, and not for types alone."""
    if file.python is None:
        return False
    spared = {id(inner) for node in file.nodes if _spares(node) for inner in ast.walk(node)}
    return any(module in _modules(node) and id(node) not in spared for node in file.nodes)


def _spares(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return name_of(node.test).rpartition(".")[2] == "TYPE_CHECKING"
    return isinstance(node, ast.Try) and any(_catches(handler) for handler in node.handlers)


def _catches(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type else []
    return not caught or any(name_of(one) in _IMPORT_ERRORS for one in caught)


def _modules(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return {(node.module or "").partition(".")[0]}
    return set()


def _own_names(code: Codebase) -> frozenset[str]:
    """Every name a file or directory of the codebase has: any of them may be on the path that is searched."""
    paths = [path for path, file in code.files.items() if file.language and file.kind is not Kind.VENDORED]
    directories = {path.rpartition("/")[0] for path in paths}
    stems = {path.rpartition("/")[2].partition(".")[0] for path in paths}
    return frozenset(stems.union(*(directory.split("/") for directory in directories)))
