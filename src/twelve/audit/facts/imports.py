"""Which files of Python and JavaScript a process imports when it starts, as far as import statements tell."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from posixpath import normpath

from twelve.audit.classify import Kind
from twelve.audit.codebase import Codebase, SourceFile
from twelve.audit.facts import entries

_FROM = re.compile(r"^[ \t]*from[ \t]++(\.*+)([\w.]*+)[ \t]++import[ \t]++(\([^)]*+\)|[^\n#]++)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+([^\n#]+)", re.MULTILINE)
_ASIDE = re.compile(r"(^|/)(\.[^/]+|scripts?|tools?|management/commands|migrations|alembic|notebooks?|bin)/")
_REQUIRED = re.compile(
    r"(?:\brequire\s*+\(|\bfrom\b|\bimport\b(?:\s*+\()?)\s*+['\"](\.{1,2}/[^'\"\n]{0,200}|\.{1,2})['\"]"
)
_SCRIPTS = ("javascript", "typescript", "tsx")
_ENDINGS = ("", ".js", ".ts", ".mjs", ".cjs", ".tsx", ".jsx", "/index.js", "/index.ts")
MOST = 3000  # files that are followed


def is_served(code: Codebase, file: SourceFile) -> bool:
    """Whether the web process imports it. Where its own file is not known: all but scripts and programs."""
    if file.path in code.fact(_from_web):
        return True
    if code.fact(_web_roots) and not code.get("manage.py"):
        return False
    is_code = file.language == "python" and file.kind is Kind.PRODUCTION
    return is_code and not _ASIDE.search(file.path) and b"__main__" not in file.data


def _web_roots(code: Codebase) -> list[SourceFile]:
    return [entry.file for entry in code.fact(entries.web_entries) if entry.file.language == "python"]


def _from_web(code: Codebase) -> frozenset[str]:
    return frozenset(reached(code, code.fact(_web_roots)))


def reached(code: Codebase, roots: list[SourceFile]) -> set[str]:
    """The files that importing `roots` imports, themselves among them."""
    seen = {file.path for file in roots}
    waiting = list(roots)
    while waiting and len(seen) < MOST:
        file = waiting.pop()
        for found in _imported(code, file):
            if found.path not in seen:
                seen.add(found.path)
                waiting.append(found)
    return seen


def _imported(code: Codebase, file: SourceFile) -> Iterator[SourceFile]:
    if file.language in _SCRIPTS:
        yield from _required(code, file)
        return
    for dotted, names in _modules(file):
        for guess in (dotted, *(f"{dotted}/{name}" if dotted else name for name in names)):
            for path in (f"{guess}.py", f"{guess}/__init__.py"):
                yield from filter(None, [code.get(path) or code.get(_beside(file, path))])


def _required(code: Codebase, file: SourceFile) -> Iterator[SourceFile]:
    """TypeScript names what is compiled: `./jobs.js` is jobs.ts."""
    directory = file.path.rpartition("/")[0]
    for match in _REQUIRED.finditer(file.text):
        path = normpath(f"{directory}/{match[1]}".lstrip("/"))
        stems = (path, path.removesuffix(".js"))
        yield from filter(None, (code.get(stem + ending) for stem in stems for ending in _ENDINGS))


def _beside(file: SourceFile, path: str) -> str:
    """A program's own directory is where Python looks first."""
    directory = file.path.rpartition("/")[0]
    return f"{directory}/{path}" if directory else path


def _modules(file: SourceFile) -> Iterator[tuple[str, list[str]]]:
    """(path without its ending, names imported from it)."""
    for match in _FROM.finditer(file.text):
        names = re.findall(r"(?:^|[,(])\s*(\w+)", match[3])
        module = match[2].replace(".", "/")
        if match[1]:
            above = list(PurePosixPath(file.path).parents)
            base = str(above[min(len(match[1]), len(above)) - 1])
            module = "/".join(part for part in (base if base != "." else "", module) if part)
        yield module, names
    for match in _IMPORT.finditer(file.text):
        yield from ((name.split(" as ")[0].strip().replace(".", "/"), []) for name in match[1].split(","))
