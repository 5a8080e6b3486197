"""The facts about a codebase that tell what it most likely runs: for a build without a Procfile, and for `init`."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from twelve.core.policy.propose import CodebaseFacts
from twelve.infra.files import files_below
from twelve.stages.build import package_json, python_project

WSGI = frozenset({"Flask", "Bottle", "Pyramid"})
ASGI = frozenset({"FastAPI", "Starlette", "Litestar", "Quart", "Sanic", "BlackSheep"})
FACTORIES = frozenset({"create_app", "make_app", "get_app"})
NOT_THE_APP = frozenset({"tests", "test", "docs", "examples", "migrations", "scripts", ".venv", "venv", "node_modules"})
MANY_FILES = 2000
_SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?=[<>=!~;@\s#]|$)")


def gather(tree: Path, name: str = "", files: Iterable[str] | None = None) -> CodebaseFacts:
    """`files` are the codebase's own, relative to `tree`; without them everything below it counts."""
    start = len(str(tree)) + 1
    names = frozenset(files) if files is not None else frozenset(entry.path[start:] for entry in files_below(tree))
    package = package_json.read(tree) or package_json.PackageJson({})
    seen = Sightings()
    for file in _own_python(names):
        _look_into(tree, file, seen)
    return CodebaseFacts(
        name=name or package.name or tree.name,
        files=names,
        dependencies=dependencies(tree),
        npm_scripts=package.scripts,
        npm_main=package.main,
        django_settings=_django_settings(tree, names),
        wsgi_apps=tuple(seen.wsgi),
        asgi_apps=tuple(seen.asgi),
        celery_apps=tuple(seen.celery),
        required_keys=seen.required,
        optional_keys={key: place for key, place in seen.optional.items() if key not in seen.required},
    )


def dependencies(tree: Path) -> frozenset[str]:
    """The names of the Python and npm packages a codebase asks for."""
    package = package_json.read(tree) or package_json.PackageJson({})
    return frozenset(_python_dependencies(tree)) | frozenset(package.dependencies)


@dataclass(slots=True)
class Sightings:
    wsgi: list[str] = field(default_factory=list)
    asgi: list[str] = field(default_factory=list)
    celery: list[str] = field(default_factory=list)
    required: dict[str, str] = field(default_factory=dict)
    optional: dict[str, str] = field(default_factory=dict)


def _own_python(names: Iterable[str]) -> list[str]:
    """Shallow files first, the usual names before others: the first object found is the one proposed."""
    own = [name for name in names if name.endswith(".py") and NOT_THE_APP.isdisjoint(name.split("/")[:-1])]
    usual = ("wsgi.py", "asgi.py", "main.py", "app.py", "server.py", "web.py", "application.py")
    order = {file: place for place, file in enumerate(usual)}
    ranked = sorted(own, key=lambda name: (name.count("/"), order.get(name.rpartition("/")[2], len(usual)), name))
    return [name for name in ranked if not name.rpartition("/")[2].startswith(("test_", "conftest"))][:MANY_FILES]


def _look_into(tree: Path, file: str, seen: Sightings) -> None:
    try:
        code = (tree / file).read_bytes()
        module = ast.parse(code) if _worth_parsing(code) else ast.Module([], [])
    except (SyntaxError, ValueError, OSError, RecursionError):
        return
    dotted = file.removesuffix(".py").removesuffix("/__init__").removeprefix("src/").replace("/", ".")
    makers = {node.name: maker for node in module.body if isinstance(node, ast.FunctionDef) if (maker := _makes(node))}
    for node in module.body:
        _top_level(node, dotted, makers, seen)
    for inner in ast.walk(module):
        _config_key(inner, file, seen)


def _worth_parsing(code: bytes) -> bool:
    needles = (b"environ", b"getenv", b"Celery", *(name.encode() for name in WSGI | ASGI | FACTORIES))
    return any(needle in code for needle in needles)


def _top_level(node: ast.stmt, dotted: str, makers: Mapping[str, str], seen: Sightings) -> None:
    """`makers` are the functions of the module that make an app, and what kind."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.targets[0], ast.Name):
        called = _called(node.value)
        _object(makers.get(called, called), f"{dotted}:{node.targets[0].id}", seen)
    elif isinstance(node, ast.FunctionDef) and node.name in makers.keys() & FACTORIES and not _required_arguments(node):
        _object(makers[node.name], f"{dotted}:{node.name}()", seen)


def _makes(function: ast.FunctionDef) -> str:
    """The framework whose app a function makes, "" for none."""
    made = {_called(inner) for inner in ast.walk(function) if isinstance(inner, ast.Call)}
    return min(made & (WSGI | ASGI), default="")


def _object(maker: str, name: str, seen: Sightings) -> None:
    if maker in WSGI or maker in {"get_wsgi_application", *FACTORIES}:
        seen.wsgi.append(name)
    elif maker in ASGI or maker == "get_asgi_application":
        seen.asgi.append(name)
    elif maker == "Celery":
        seen.celery.append(name.replace(":", ".").rpartition(".")[0])


def _called(call: ast.Call) -> str:
    """The last part of the called name: "Flask" for flask.Flask(...)."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _required_arguments(function: ast.FunctionDef) -> bool:
    return len(function.args.args) > len(function.args.defaults)


def _config_key(node: ast.AST, file: str, seen: Sightings) -> None:
    """os.environ["KEY"] asks for it; os.environ.get("KEY") and os.getenv("KEY") can do without."""
    match node:
        case ast.Subscript(
            value=ast.Attribute(attr="environ") | ast.Name(id="environ"), slice=ast.Constant(value=str(key))
        ):
            if isinstance(node.ctx, ast.Load):
                seen.required.setdefault(key, f"{file}:{node.lineno}")
        case ast.Call(
            func=ast.Attribute(attr="get", value=ast.Attribute(attr="environ") | ast.Name(id="environ")),
            args=[ast.Constant(value=str(key)), *_],
        ):
            seen.optional.setdefault(key, f"{file}:{node.lineno}")
        case ast.Call(
            func=ast.Attribute(attr="getenv") | ast.Name(id="getenv"), args=[ast.Constant(value=str(key)), *_]
        ):
            seen.optional.setdefault(key, f"{file}:{node.lineno}")


def _django_settings(tree: Path, names: Iterable[str]) -> str:
    manage = min((name for name in names if name.rpartition("/")[2] == "manage.py"), key=len, default=None)
    found = _SETTINGS.search((tree / manage).read_text(errors="replace")) if manage else None
    return found[1] if found else ""


def _python_dependencies(tree: Path) -> Iterator[str]:
    """Names only, from wherever the codebase keeps them."""
    for file in python_project.requirements_files(tree):
        for line in (tree / file).read_text(errors="replace").splitlines():
            if match := _REQUIREMENT.match(line):
                yield canonicalize_name(match[1])
    project = python_project.read(tree)
    if project is not None:
        yield from map(canonicalize_name, _declared(project.pyproject, project.lock))


def _declared(pyproject: Mapping[str, Any], lock: Mapping[str, Any]) -> Iterator[str]:
    for text in pyproject.get("project", {}).get("dependencies", []):
        try:
            yield Requirement(text).name
        except InvalidRequirement:
            continue
    yield from pyproject.get("tool", {}).get("poetry", {}).get("dependencies", {})
    yield from lock.get("default", {})
    packages = lock.get("package", [])
    yield from (
        str(package.get("name", "")) for package in packages if isinstance(package, dict) and package.get("name")
    )
