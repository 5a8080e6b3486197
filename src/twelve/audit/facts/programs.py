"""The programs of the system that the code starts, and which of them the app declares."""

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import cast

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import manifests, pythons, start
from twelve.audit.facts.comments import MOST, is_inside_string, uncommented
from twelve.audit.facts.dockerfile import production_stages, run_commands
from twelve.audit.facts.optional import parents
from twelve.audit.facts.pythons import keyword, name_of, text_of

# program -> the system packages that bring it, when their name is another (Debian's and Alpine's)
PACKAGES = {
    "convert": ("imagemagick", "graphicsmagick"), "identify": ("imagemagick",), "magick": ("imagemagick",),
    "mogrify": ("imagemagick",), "ffprobe": ("ffmpeg",), "hg": ("mercurial",), "svn": ("subversion",),
    "ssh": ("openssh-client", "openssh"), "scp": ("openssh-client", "openssh"), "ssh-keygen": ("openssh-client",),
    "psql": ("postgresql-client", "postgresql"), "pg_dump": ("postgresql-client", "postgresql"),
    "pg_restore": ("postgresql-client", "postgresql"), "mysql": ("mysql-client", "mariadb-client"),
    "mysqldump": ("mysql-client", "mariadb-client"), "redis-cli": ("redis-tools", "redis"),
    "pdftotext": ("poppler-utils",), "pdftoppm": ("poppler-utils",), "gs": ("ghostscript",),
    "soffice": ("libreoffice",), "dot": ("graphviz",), "tesseract": ("tesseract-ocr",), "nc": ("netcat",),
    "ping": ("iputils-ping", "iputils"), "dig": ("dnsutils", "bind-tools"), "nslookup": ("dnsutils", "bind-tools"),
    "msgfmt": ("gettext",), "xgettext": ("gettext",), "msgmerge": ("gettext",), "7z": ("p7zip",),
    "chromium-browser": ("chromium",), "google-chrome": ("google-chrome-stable", "chromium"), "gpg": ("gnupg",),
    "java": ("openjdk", "default-jre", "jre"), "ps": ("procps",), "ip": ("iproute2",), "exiftool": ("exiftool",),
    "pdflatex": ("texlive",), "xelatex": ("texlive",), "cmake": ("cmake",), "gcc": ("gcc", "build-essential"),
    "g++": ("g++", "build-essential"), "make": ("make", "build-essential"),
}  # fmt: skip
# A console script whose distribution or gem has another name.
BROUGHT = {
    "pybabel": "babel", "django-admin": "django", "manage.py": "django", "rq": "rq", "flask": "flask",
    "celery": "celery", "pytest": "pytest", "sphinx-build": "sphinx", "yt-dlp": "yt-dlp", "rails": "rails",
    "http": "httpie", "ansible-playbook": "ansible", "weasyprint": "weasyprint", "playwright": "playwright",
    "tsc": "typescript", "prisma": "prisma",
}  # fmt: skip
# What every system of any language's image has: the shell, the POSIX utilities, and the runtime itself.
EVERYWHERE = {
    "sh", "bash", "env", "cd", "echo", "printf", "true", "false", "test", "cat", "cp", "mv", "rm", "ls", "mkdir",
    "rmdir", "ln", "chmod", "chown", "touch", "pwd", "sleep", "date", "head", "tail", "sort", "uniq", "wc", "cut",
    "tr", "grep", "sed", "awk", "find", "xargs", "tee", "kill", "id", "whoami", "hostname", "uname", "dirname",
    "basename", "df", "du", "nproc", "python", "python2", "python3", "pip", "node", "npm", "npx", "ruby", "bundle",
    "gem", "go", "java", "export", "set", "exit", "source", "exec", "eval", "read", "nohup", "which", "command",
    "type", "ulimit", "umask", "trap", "wait", "tar", "gzip", "gunzip", "getconf",
}  # fmt: skip
# Programs that are told apart from other words when a list of arguments begins with them.
_TOOLS = sorted({*PACKAGES, "git", "ffmpeg", "curl", "wget", "rsync", "wkhtmltopdf", "openssl", "docker", "kubectl"})
_SHELLS = {"sh", "bash"}
Function = ast.FunctionDef | ast.AsyncFunctionDef
_RUNNERS = {"run", "call", "check_call", "check_output", "Popen", "getoutput", "getstatusoutput"}
_OTHERS = {"os.system", "os.popen", "os.execvp", "os.execv", "os.execlp", "os.execvpe", "create_subprocess_exec",
           "create_subprocess_shell"}  # fmt: skip
# library -> the program that it starts, as its own documentation says
WRAPPERS = {
    "pytesseract": "tesseract", "pdf2image": "pdftoppm", "pydub": "ffmpeg", "ffmpeg-python": "ffmpeg",
    "pdfkit": "wkhtmltopdf", "imgkit": "wkhtmltoimage", "pypandoc": "pandoc", "fluent-ffmpeg": "ffmpeg",
    "wicked_pdf": "wkhtmltopdf", "mini_magick": "convert", "streamio-ffmpeg": "ffmpeg",
}  # fmt: skip
_SCRIPTS = re.compile(r"(^|/)(scripts?|bin|tools?|hack|ci|devtools|contrib|bench\w*)/")
_LITERAL = r"""(?:["'](?:/bin/)?(?:ba)?sh["'],\s*["']-c["'],\s*)?["'`]([\w./+-]+)"""
_CHILD = r"""(?:require\(\s*['"](?:node:)?child_process['"]\s*\)|from\s+['"](?:node:)?child_process['"])"""
_MODULE = re.compile(rf"\b(\w+)\s*=\s*{_CHILD}(?!\.)|\*\s+as\s+(\w+)\s+{_CHILD}|\bimport\s+(\w+)\s+{_CHILD}")
_PROMISED = re.compile(r"\b(\w+)\s*=\s*[^;\n]{0,80}?\bpromisify\(\s*(?:\w+\.)?(?:exec|execFile|spawn)\b")
_BY_LANGUAGE = {
    "go": r"\bexec\.Command(?:Context)?\(\s*(?:\w+,\s*)?" + _LITERAL,
    "ruby": r"(?:\b(?:system|exec|spawn|popen3?|capture(?:2e?|3))[ (]\s*[\"']|%x[\[{(]|(?<![\w.])`)([a-z][\w./+-]+)",
    "java": r"(?:new ProcessBuilder\(\s*(?:(?:List|Arrays)\.\w+\(\s*)?|\.exec\(\s*(?:new String\[\]\s*\{\s*)?)"
            + _LITERAL,
    "javascript": r"(?<![\w.])(?:exec|execSync|execFile|execFileSync|spawn|spawnSync|execa|execaSync)\(\s*" + _LITERAL,
}  # fmt: skip
_BY_LANGUAGE |= dict.fromkeys(("typescript", "tsx"), _BY_LANGUAGE["javascript"])


@dataclass(frozen=True, slots=True)
class Call:
    """Where programs are started: one, or those that are handed to a function that starts any."""

    path: str
    line: int
    tools: tuple[str, ...]


@extraction(
    language="python",
    needles=("subprocess", "os.system", "os.popen", "Popen", "create_subprocess", "os.exec", "os.spawn"),
)
def python_calls(file: SourceFile) -> list[tuple[int, str, str]]:
    """(line, program, "") of each call, or (line, "", function) where a parameter of that function is what is run."""
    found = []
    running = (call for call in pythons.calls(file) if _runs(call, file) and (call.args or keyword(call, "args")))
    for call in islice(running, MOST):
        wanted = call.args[0] if call.args else keyword(call, "args")
        handed = wanted.id if isinstance(wanted, ast.Name) else ""
        program = _program(_assigned(file, call, handed) if handed else wanted)
        if (program or handed) and not (program and _is_spared(file, call, program)):
            found.append((call.lineno, program, _function_of(file, call, handed) if not program else ""))
    return [one for one in found if one[1] or one[2]]


@extraction(language="python", needles=[f"{quote}{tool}{quote}" for tool in _TOOLS for quote in "'\""])
def python_arguments(file: SourceFile) -> tuple[list[str], list[str]]:
    """The known programs that lists in the file begin with, and the names of the functions it calls."""
    lists = (node for node in file.nodes if isinstance(node, ast.List) and node.elts)
    tools = {text for node in lists if (text := text_of(node.elts[0])) in _TOOLS and text}
    called = {name_of(call.func).rpartition(".")[2] for call in pythons.calls(file)} if tools else set()
    return (sorted(tools), sorted(called - {""})) if tools else ([], [])


@extraction(
    language=tuple(_BY_LANGUAGE),
    needles=("exec", "spawn", "ProcessBuilder", "system", "popen", "capture", "%x", "`"),
)
def other_calls(file: SourceFile) -> list[tuple[int, str]]:
    """(line, program)"""
    text = uncommented(file)
    starts_any = {"javascript", "typescript", "tsx"}
    if file.language in starts_any and "child_process" not in text and "execa" not in text:
        return []
    pattern = _of_node(text) if file.language in starts_any else re.compile(_BY_LANGUAGE[file.language])
    found = (match for match in pattern.finditer(text) if not is_inside_string(file, match.start()))
    told = ((match.start(match.lastindex or 0), next(filter(None, match.groups()))) for match in found)
    return [(file.line_at(at), PurePosixPath(program).name) for at, program in told]


def _of_node(text: str) -> re.Pattern[str]:
    """Also what is called by the name of the module, or by that of a promise."""
    modules = {next(filter(None, match.groups())) for match in _MODULE.finditer(text)}
    promises = {match[1] for match in _PROMISED.finditer(text)}
    own = "|".join(sorted(promises)[:20])
    ways = [_BY_LANGUAGE["javascript"], *([rf"\b(?:{own})\(\s*{_LITERAL}"] if own else [])]
    usual = _BY_LANGUAGE["javascript"].removeprefix(r"(?<![\w.])")
    ways += [rf"\b(?:{'|'.join(sorted(modules)[:20])})\.{usual}"] if modules else []
    return re.compile("|".join(ways))


def calls(code: Codebase) -> list[Call]:
    """Of what runs in production; scripts beside the app are for people."""
    found = [*_of_python(code), *_of_others(code)]
    return [one for one in found if not _SCRIPTS.search(one.path)]


def wrapped(code: Codebase) -> Iterator[tuple[manifests.Dependency, str]]:
    """(library, program) of what is declared and starts a program that nothing else declared brings."""
    declared = code.fact(manifests.declared)
    for name, program in WRAPPERS.items():
        one = declared.get(name)
        if one and not one.dev and not any(program in other for other in declared.keys() - {name}):
            yield one, program


def is_declared(code: Codebase, tool: str) -> bool:
    """By the system packages of the way it is deployed, or by a dependency that brings it."""
    declared = code.fact(manifests.declared)
    packages = code.fact(system_packages)
    wanted = (tool, *PACKAGES.get(tool, ()))
    return (
        tool in EVERYWHERE
        or BROUGHT.get(tool, tool) in declared
        or manifests.normal(tool) in declared
        or any(name in package for name in wanted for package in packages)
        or start.own_file(code, tool) is not None
    )


def system_packages(code: Codebase) -> frozenset[str]:
    """What is installed beside the app: by an Aptfile or project.toml, or in the image when an image is deployed."""
    names = {
        line.strip() for file in code.find("Aptfile", "apt.txt") for line in file.lines if line[:1] not in {"", "#"}
    }
    for file in code.find("project.toml", "nixpacks.toml", "railpack.json", "flake.nix", "shell.nix"):
        names |= {match[0] for _, match in file.search(r"[\w.+-]{2,}")}
    every = code.fact(start.starts)
    if not every or every[0].origin != "Procfile":
        for stage in code.fact(production_stages):
            for run in stage.of("RUN"):
                names |= {word for text in run_commands(run) if _INSTALLS.search(text) for word in text.split()}
    return frozenset(names)


_INSTALLS = re.compile(r"\b(apt-get|apt|apk|yum|dnf|microdnf|zypper|pacman|apt-install|install_packages)\b")


def _of_python(code: Codebase) -> Iterator[Call]:
    lists = code.extracted(python_arguments)
    for file, found in code.extracted(python_calls):
        for line, program, function in found:
            if program:
                yield Call(file.path, line, (program,))
            elif tools := {tool for _, (own, called) in lists if function in called for tool in own}:
                yield Call(file.path, line, tuple(sorted(tools)))


def _of_others(code: Codebase) -> Iterator[Call]:
    for file, found in code.extracted(other_calls):
        for line, program in found:
            yield Call(file.path, line, (program,))


def _runs(call: ast.Call, file: SourceFile) -> bool:
    name = name_of(call.func)
    last = name.rpartition(".")[2]
    if name in _OTHERS or last in _OTHERS:
        return True
    is_module = name.rpartition(".")[0] in _names_of_module(file)
    return last in _RUNNERS and (is_module or (name == last and last in _imported(file)))


def _names_of_module(file: SourceFile) -> set[str]:
    kept: set[str] | None = file.__dict__.get("_names_of_subprocess")
    if kept is None:
        every = (alias for node in file.nodes if isinstance(node, ast.Import) for alias in node.names)
        kept = {"subprocess"} | {alias.asname for alias in every if alias.name == "subprocess" and alias.asname}
        file.__dict__["_names_of_subprocess"] = kept
    return kept


def _imported(file: SourceFile) -> set[str]:
    kept: set[str] | None = file.__dict__.get("_from_subprocess")
    if kept is None:
        froms = (node for node in file.nodes if isinstance(node, ast.ImportFrom) and node.module == "subprocess")
        kept = file.__dict__["_from_subprocess"] = {
            alias.asname or alias.name for node in froms for alias in node.names
        }
    return kept


def _program(wanted: ast.expr | None) -> str:
    """Of a command line or a list of arguments that begins with a literal."""
    if isinstance(wanted, ast.List | ast.Tuple) and wanted.elts:
        first = PurePosixPath(text_of(wanted.elts[0]) or "").name
        is_line = first in _SHELLS and len(wanted.elts) > 2 and text_of(wanted.elts[1]) == "-c"
        return _program(wanted.elts[2]) if is_line else first
    if isinstance(wanted, ast.Call):  # "convert {}".format(path), shlex.split("convert a b")
        called = wanted.func
        is_split = name_of(called) == "shlex.split" and wanted.args
        formatted = called.value if isinstance(called, ast.Attribute) and called.attr == "format" else None
        return _program(wanted.args[0] if is_split else formatted)
    if isinstance(wanted, ast.BinOp):
        return _program(wanted.left)
    if isinstance(wanted, ast.JoinedStr) and wanted.values:
        return _first_word(text_of(wanted.values[0]) or "")
    return _first_word(text_of(wanted) or "")


def _assigned(file: SourceFile, call: ast.Call, name: str) -> ast.expr | None:
    """What the name was last given before the call; nothing when that is not written right before, in its function."""
    around = _function_around(file, call)
    first = around.lineno if around else 0
    given = [
        one for one in file.nodes
        if isinstance(one, ast.Assign) and first <= one.lineno < call.lineno and name in map(name_of, one.targets)
    ]  # fmt: skip
    return max(given, key=lambda one: one.lineno).value if given else None


def _is_spared(file: SourceFile, call: ast.Call, program: str) -> bool:
    """Where the code looks whether the program is there, goes on without it, or asks for the system it is on."""
    if any(name_of(one.func).endswith("which") and one.args and text_of(one.args[0]) == program
           for one in pythons.calls(file)):  # fmt: skip
        return True
    above, node = parents(file), cast("ast.AST", call)
    while node in above:
        child, node = node, above[node]
        if isinstance(node, ast.Try) and child in node.body and any(map(_goes_on, node.handlers)):
            return True
        if isinstance(node, ast.If) and re.search(r"\bplatform\b|os\.name", ast.unparse(node.test)):
            return True
    return False


def _goes_on(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type else []
    if {name_of(one) for one in caught} & {"FileNotFoundError", "OSError"}:
        return True
    is_broad = not caught or any(name_of(one).endswith("Exception") for one in caught)
    return is_broad and all(isinstance(one, ast.Assign | ast.Pass) for one in handler.body)


def _first_word(text: str) -> str:
    try:
        words = [word for word in shlex.split(text) if "=" not in word]
    except ValueError:
        words = text.split()
    return PurePosixPath(words[0]).name if words else ""


def _function_of(file: SourceFile, call: ast.Call, handed: str) -> str:
    """The function around the call that has what is run for a parameter."""
    for node in _functions_around(file, call):
        names = {one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
        if handed in names:
            return node.name
    return ""


def _function_around(file: SourceFile, call: ast.Call) -> Function | None:
    return max(_functions_around(file, call), key=lambda one: one.lineno, default=None)


def _functions_around(file: SourceFile, call: ast.Call) -> list[Function]:
    functions = (node for node in file.nodes if isinstance(node, Function))
    return [one for one in functions if one.lineno <= call.lineno <= (one.end_lineno or 0)]
