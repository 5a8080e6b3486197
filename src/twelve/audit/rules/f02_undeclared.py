"""Factor II, what is used without being declared: imports, and programs of the system."""

from collections.abc import Iterator

from twelve.audit.codebase import Codebase
from twelve.audit.facts import foreign, imports, locks, manifests, programs
from twelve.audit.facts.foreign import Import
from twelve.audit.facts.manifests import normal
from twelve.audit.facts.modules import ALONG, is_brought, is_widely_known
from twelve.audit.model import Hit
from twelve.audit.rule import ERROR, INFO, WARNING, Rulebook

RULES = Rulebook()
_UNREAD = ("setup.py", "setup.cfg", "environment.y*ml", "conda.y*ml", "*requirements*.y*ml", "deno.json*", "bower.json")


@RULES.of_code(
    "TF02-undeclared-import",
    ERROR,
    "The code imports what no manifest declares.",
    fix="Declare it: what is there by accident today may be gone tomorrow.",
    why="It never relies on implicit existence of system-wide packages.",
    bad={"app.py": "import flask\nimport requests\n", "requirements.txt": "flask==3.1.0\n"},
    good={"app.py": "import flask\nimport requests\n", "requirements.txt": "flask==3.1.0\nrequests==2.32.5\n"},
)
def import_is_undeclared(code: Codebase) -> Iterator[Hit]:
    for one in code.fact(foreign.foreign_imports):
        if not has_manifest(code, one.language):
            continue
        if one.language == "python":
            yield from _of_python(code, one)
        elif one.module not in code.fact(_named_of_node) and one.module.partition("/")[0] not in code.fact(_aliases):
            yield _undeclared(one, certain=True, locked=one.module in code.fact(_locked_node))


def _of_python(code: Codebase, one: Import) -> Iterator[Hit]:
    file = code.get(one.path)
    if is_brought(one.module, code.fact(_named)) or file is None or not foreign.is_needed(file, one.module):
        return
    comes_along = not code.fact(_named).isdisjoint(ALONG.get(one.module, ()))
    locked = comes_along or is_brought(one.module, code.fact(locks.locked_python))
    certain = is_widely_known(one.module) and imports.is_served(code, file)
    yield _undeclared(one, certain=certain, locked=locked)


def _undeclared(one: Import, *, certain: bool, locked: bool) -> Hit:
    """What a lock keeps in place is there, though only as long as somebody else needs it."""
    if locked:
        told = f"{one.module} is imported, and declared only by what else is installed: declare it too."
        return Hit(one.path, one.line, told, severity=INFO)
    told = f"{one.module} is imported, and no manifest declares what brings it."
    return Hit(one.path, one.line, told, severity=ERROR if certain else WARNING)


def _locked_node(code: Codebase) -> frozenset[str]:
    every = code.fact(locks.manifests_of)
    return frozenset(name for one in every if one.language == "node" for name in locks.known_by(code, one))


def has_manifest(code: Codebase, language: str) -> bool:
    """Whether anything declares dependencies of the language, also in ways we do not read."""
    return code.fact(_declares_python if language == "python" else _declares_node)


def _declares_python(code: Codebase) -> bool:
    return bool(manifests.requirements(code) or code.find(*_UNREAD[:-2], "pyproject.toml", "Pipfile"))


def _declares_node(code: Codebase) -> bool:
    return bool(code.find("package.json", *_UNREAD[-2:]))


def _named(code: Codebase) -> frozenset[str]:
    """All that is declared for Python, and every word of the manifests that we do not read exactly."""
    declared = {one.name for one in code.fact(manifests.python_dependencies)}
    words = {normal(match[0]) for file in code.find(*_UNREAD) for _, match in file.search(r"[A-Za-z][\w.-]+")}
    return frozenset(declared | words)


def _named_of_node(code: Codebase) -> frozenset[str]:
    """Also what a package has for its peers, and the packages of a workspace themselves."""
    names: set[str] = {one.name for one in code.fact(manifests.node_dependencies)}
    for package in code.fact(manifests.packages_json):
        names |= manifests.table(package.data.get("peerDependencies")).keys()
        names |= manifests.table(package.data.get("imports")).keys() | {str(package.data.get("name"))}
    types = {name.removeprefix("@types/").replace("__", "/") for name in names if name.startswith("@types/")}
    return frozenset(names | types)


def _aliases(code: Codebase) -> frozenset[str]:
    """What the compiler or the bundler resolves to directories: paths of tsconfig.json, aliases of vite and webpack."""
    files = code.find("tsconfig*.json", "jsconfig.json", "vite.config.*", "webpack*.js", "babel.config.*", ".babelrc")
    told = (match[1] for file in files for _, match in file.search(r"""['"]([@\w][^'"\s*]{0,99})(?:\*)?['"]\s*:"""))
    return frozenset(name.rstrip("/") for name in told)


@RULES.of_code(
    "TF02-shell-out-system-tool",
    WARNING,
    "The app runs a program that it neither declares nor brings along.",
    fix="Use a library, or declare the program: an Aptfile, project.toml, or an install in the image's last stage.",
    why="Twelve-factor apps also do not rely on the implicit existence of any system tools.",
    bad={
        "app.py": "import subprocess\nsubprocess.run(['convert', 'in.png', 'out.jpg'])\n",
        "Procfile": "web: gunicorn app:app\n",
    },
    good={
        "app.py": "import subprocess\nsubprocess.run(['convert', 'in.png', 'out.jpg'])\n",
        "Procfile": "web: gunicorn app:app\n",
        "Aptfile": "imagemagick\n",
    },
)
def system_tool(code: Codebase) -> Iterator[Hit]:
    for call in programs.calls(code):
        missing = [tool for tool in call.tools if not programs.is_declared(code, tool)]
        if missing:
            yield Hit(call.path, call.line, f"{_and(missing)} must be there already: nothing declares {_it(missing)}.")
    for one, program in programs.wrapped(code):
        if not programs.is_declared(code, program):
            yield Hit(one.path, one.line, f"{one.name} starts {program}, which nothing declares.")


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _it(names: list[str]) -> str:
    return "it" if len(names) == 1 else "them"
