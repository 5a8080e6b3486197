"""Factor I: one codebase under version control, many deploys."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from twelve.audit.codebase import Codebase, Kind, SourceFile
from twelve.audit.facts import start
from twelve.audit.facts.comments import uncommented
from twelve.audit.facts.dockerfile import parse
from twelve.audit.facts.manifests import packages_json, parsed_toml, table
from twelve.audit.model import Evidence, Hit, Verdict, number
from twelve.audit.rule import ERROR, INFO, WARNING, Rulebook

RULES = Rulebook()
ONE = "There is always a one-to-one correlation between the codebase and the app."
_INSTALLED = re.compile(
    r"^(?P<place>(?:.*/)?(?:node_modules|bower_components|site-packages|jspm_packages|vendor/bundle|\.?virtualenv)(?=/)"
    r"|(?:.*/)?(?:\.?venv|env)(?=/(?:lib/python|bin/activate|pyvenv\.cfg|Scripts/)))"
)
_BUILT = re.compile(
    r"^(?P<place>(?:.*/)?__pycache__(?=/)|(?:.*/)?[^/]+\.egg-info(?=/)|(?:.*/)?(?:target|build/libs|build/classes|bin|out)"
    r"(?=/[^/]+\.(?:jar|war|class)$)|(?:.*/)?\.(?:next|nuxt|svelte-kit|parcel-cache)(?=/)|(?:.*/)?target/classes(?=/)|(?:.*/)?dist(?=/[^/]+\.(?:whl|tar\.gz)$)"
    r"|(?:.*/)?build(?=/(?:asset-manifest\.json|static/js/main\.\w{8}\.js)$)|(?:.*/)?[\w-]{0,40}static\w{0,40}(?=/staticfiles\.json$)"
    r"|(?:.*/)?public/assets(?=/\.(?:sprockets-)?manifest[^/]{0,80}\.json$))"
    r"|(?P<file>.+\.(?:pyc|pyo|class))$"
)
_COMPILED = re.compile(r"^(|[^\n]{0,300}/)(?:dist|build|out)/([^\n]{1,300})\.js$")
_WRAPPER = re.compile(r"(^|/)(\.mvn|gradle)/wrapper/")
_LEAVING = re.compile(r"""(?:\brequire\s*\(\s*|\bfrom\s+|\bimport\s+|\bimport\s*\(\s*)["'](\.\./[^"'\n]{1,300})["']""")
_JS = ("javascript", "typescript", "tsx")
_PATHS = re.compile(
    r"""["'](?:file:|link:)?(\.\./[\w./-]{1,200})["']|^[ \t]*+(?:-e\s++)?(\.\./[\w./-]{1,200})[ \t]*+$"""
    r"""|=>\s*(\.\./[\w./-]{1,200})""",
    re.MULTILINE,
)
_BESIDE = ("package.json", "requirements.txt", "pyproject.toml", "go.mod", "Gemfile", "pom.xml", "build.gradle")
_MANIFESTS = ("package.json", "requirements*.txt", "pyproject.toml", "Gemfile", "go.mod", "Pipfile")


def witness(code: Codebase) -> Iterator[Evidence]:
    """What keeps the code, and the one app that it holds."""
    kept = {"git": "git", "hg": "Mercurial", "archive": "the revision it was archived from"}.get(
        code.version_control or ""
    )
    if kept is None:
        return
    tracked = sum(file.tracked for file in code.files.values())
    yield Evidence(f"The code is under version control: {kept} keeps {number(tracked, 'file')}.")
    every = code.fact(start.starts)
    if every:
        yield Evidence(f"One app starts from it: {', '.join(one.type for one in every)}", every[0].path, every[0].line)


@RULES.of_code(
    "TF01-no-vcs",
    ERROR,
    "The code is not under version control.",
    fix="Run `git init`, one repository for the app, and commit the code.",
    why="A twelve-factor app is always tracked in a version control system.",
    bad={"Procfile": "web: gunicorn app:app\n", ".git": "absent"},
    good={"Procfile": "web: gunicorn app:app\n"},
)
def nothing_keeps_it(code: Codebase) -> Iterator[Hit]:
    if code.version_control == "" and code.files:
        yield Hit("", None, "There is no repository here, nor above, and no note of the commit this is.")


@RULES.of_code(
    "TF01-multi-app-repo",
    INFO,
    "The repository holds several apps.",
    fix="Audit each by its own directory: `twelve audit services/shop`.",
    why=ONE,
    bad={"shop/Procfile": "web: gunicorn shop:app\n", "mail/Procfile": "web: gunicorn mail:app\n"},
    good={"Procfile": "web: gunicorn shop:app\nworker: python -m mail\n"},
)
def several_apps(code: Codebase) -> Iterator[Hit]:
    roots = code.fact(app_roots)
    if len(roots) > 1:
        first = min(roots.values())
        yield Hit(
            first, None, f"Each of these is started by itself: {', '.join(name or '.' for name in sorted(roots))}."
        )


def app_roots(code: Codebase) -> dict[str, str]:
    """Directories that are deployed by themselves, and the file that says so.

    Inside of such only those with a Procfile and a manifest of their own.
    """
    found: dict[str, str] = {}
    for file in sorted(code.find("Procfile", "Dockerfile", "fly.toml", kinds=(Kind.PRODUCTION,)), key=_depth):
        directory = file.path.rpartition("/")[0]
        is_app = file.name != "Dockerfile" or _starts_something(code, file)
        is_own = file.name == "Procfile" and _has_manifest(code, directory)
        if is_app and (is_own or not any(_is_in(directory, one) for one in found)):
            found[directory] = file.path
    return found


def _depth(file: SourceFile) -> tuple[int, str]:
    return file.path.count("/"), file.path


def _starts_something(code: Codebase, file: SourceFile) -> bool:
    """An image beside a manifest of its own; others are the same app in other clothes."""
    return bool(parse(file)) and _has_manifest(code, file.path.rpartition("/")[0])


def _has_manifest(code: Codebase, directory: str) -> bool:
    return any((f"{directory}/{name}" if directory else name) in code.files for name in _BESIDE)


def _is_in(path: str, directory: str) -> bool:
    return not directory or path == directory or path.startswith(f"{directory}/")


@RULES.of_code(
    "TF01-shared-code",
    WARNING,
    "Two apps share code by its path.",
    fix="Make a library of what they share, and declare it in the manifest of each.",
    why="Multiple apps sharing the same code is a violation of twelve-factor.",
    verdict=Verdict.FAIL,
    bad={
        "shop/Procfile": "web: node server.js\n",
        "shop/server.js": "const price = require('../mail/price')\n",
        "mail/Procfile": "web: node server.js\n",
        "mail/price.js": "module.exports = 1\n",
    },
    good={
        "shop/Procfile": "web: node server.js\n",
        "shop/server.js": "const price = require('price')\n",
        "mail/Procfile": "web: node server.js\n",
    },
)
def code_is_shared(code: Codebase) -> Iterator[Hit]:
    roots = [root for root in code.fact(app_roots) if root]
    if len(roots) < 2 or _is_workspace(code):
        return
    shared: dict[str, list[tuple[str, Hit]]] = {}
    for file, line, place in _leaving(code):
        own = next((root for root in roots if _is_in(file.path, root)), None)
        target = _resolved(file.path, place)
        other = next((root for root in roots if root != own and _is_in(target, root)), None)
        if own is not None and other is not None:
            told = f"code from {other}" if target == other else f"{target}, which belongs to {other}"
            yield Hit(file.path, line, f"{own} takes {told}, an app of its own.")
        elif own is not None and not _is_in(target, own):
            told = f"{own} takes {target}, as another app does."
            shared.setdefault(target, []).append((own, Hit(file.path, line, told)))
    for taken in shared.values():
        if len({own for own, _ in taken}) > 1:
            yield from (hit for _, hit in taken)


def _is_workspace(code: Codebase) -> bool:
    """Members of a workspace declare each other; that is what its manifest is for."""
    if code.find("pnpm-workspace.yaml", "lerna.json", "go.work", "nx.json", "turbo.json"):
        return True
    file = code.get("pyproject.toml")
    tool = table(parsed_toml(file).get("tool")) if file else {}
    root = next((one for one in code.fact(packages_json) if one.path == "package.json"), None)
    return "workspace" in table(tool.get("uv")) or bool(root and root.data.get("workspaces"))


def _leaving(code: Codebase) -> Iterator[tuple[SourceFile, int, str]]:
    """(file, line, path) of all imports and dependencies by a path that goes up."""
    for file in code.written_in(*_JS):
        if b"../" in file.data:
            text = uncommented(file)
            yield from ((file, file.line_at(match.start(1)), match[1]) for match in _LEAVING.finditer(text))
    for file in code.find(*_MANIFESTS, kinds=(Kind.PRODUCTION,)):
        for line, match in file.search(_PATHS):
            yield file, line, next(filter(None, match.groups()))


def _resolved(path: str, place: str) -> str:
    parts = list(PurePosixPath(path).parent.parts)
    for part in place.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


@RULES.of_code(
    "TF01-env-branch",
    WARNING,
    "Environments have branches of their own that have drifted apart.",
    fix="Keep one trunk, and promote the same build from staging to production.",
    why="The codebase is the same across all deploys, although different versions may be active in each.",
    bad={"app.py": "print()\n", ".git/refs/heads/production": "has commits that main lacks\n"},
    good={"app.py": "print()\n"},
)
def branch_of_an_environment(code: Codebase) -> Iterator[Hit]:
    for name in code.diverged:
        yield Hit("", None, f"The branch {name} has commits that the trunk lacks.")


@RULES.of_code(
    "TF01-vendored-copy",
    WARNING,
    "Installed dependencies are in the repository.",
    fix="Untrack them (`git rm -r --cached`), ignore them, and install from the lock in the build stage.",
    why=ONE,
    bad={"node_modules/left-pad/index.js": "module.exports = 1\n", "package.json": "{}\n"},
    good={"package.json": '{"dependencies": {"left-pad": "1.3.0"}}\n'},
)
def dependencies_are_tracked(code: Codebase) -> Iterator[Hit]:
    yield from _tracked(code, _INSTALLED, "is installed by a package manager")


@RULES.of_code(
    "TF01-build-artifact-committed",
    WARNING,
    "What the build makes is in the repository.",
    fix="Untrack and ignore it; the build stage makes it anew.",
    why="The build stage converts the code repo into a build: what it makes is no source.",
    bad={"app.py": "print()\n", "__pycache__/app.cpython-312.pyc": "\n"},
    good={"app.py": "print()\n"},
)
def builds_are_tracked(code: Codebase) -> Iterator[Hit]:
    yield from _tracked(code, _BUILT, "is made by the build")
    compiled = (path for path, file in code.files.items() if file.tracked and _is_compiled(code, path))
    if first := next(compiled, ""):
        yield Hit(first, None, f"{first} is compiled from a source that is here too, and {code.keeps}.")


def _is_compiled(code: Codebase, path: str) -> bool:
    """dist/server.js beside src/server.ts."""
    match = _COMPILED.fullmatch(path)
    return bool(match) and any(f"{match[1]}src/{match[2]}{ending}" in code.files for ending in (".ts", ".tsx"))  # type: ignore[index] # it matched


def _tracked(code: Codebase, pattern: re.Pattern[str], said: str) -> Iterator[Hit]:
    """One hit a directory."""
    seen: set[str] = set()
    for path, file in code.files.items():
        match = pattern.match(path) if file.tracked else None
        if match is None or _WRAPPER.search(path):
            continue
        place = match["place"] or path.rpartition("/")[0]
        if place not in seen and file.kind is not Kind.TEST:
            seen.add(place)
            yield Hit(path, None, f"{place or path} {said}, and {code.keeps}.")
