"""Which manifests are covered by a lock: an exact version of everything, also of what the dependencies need."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from twelve.audit.codebase import Codebase, Kind, SourceFile
from twelve.audit.facts import manifests
from twelve.audit.facts.manifests import Dependency, normal, parsed_json, table

OWN = (Kind.PRODUCTION, Kind.DEVELOPMENT, Kind.BUILD)
# manifest -> the locks beside it (or above: a workspace has one) that cover it
LOCKS = {
    "pyproject.toml": ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock"),
    "Pipfile": ("Pipfile.lock",),
    "package.json": (
        "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb",
    ),
    "Gemfile": ("Gemfile.lock", "gems.locked"),
    "go.mod": ("go.sum", "go.work.sum"),
}  # fmt: skip
# what people call pip's; a file of constraints is one when the requirements name it
_OF_PIP = ("requirements.lock", "requirements-lock.txt", "requirements.lock.txt")
_CONSTRAINED = re.compile(r"^(?:-c|--constraint)[ =]\s*(\S+)", re.MULTILINE)
_YARN = re.compile(r'^"?((?:@[^/"@\n]++/)?[^@",\s/]++)@', re.MULTILINE)
_PNPM = re.compile(r"^[ \t]++['\"]?/?((?:@[^/'\"\s@]++/)?[^@/'\":\s(]++)[@:/]", re.MULTILINE)
_GO_SUM = re.compile(r"^(\S+) v", re.MULTILINE)
_LOCKED_NAME = re.compile(r'^name = "([^"]+)"', re.MULTILINE)
_LOCKED_VERSION = re.compile(r'^name = "([^"\n]+)"\nversion = "([^"\n]+)"', re.MULTILINE)
_LOCKED_GEM = re.compile(r"^ {4}([\w.-]++) \((\d[\d.]*+)[^)\n]*+\)$", re.MULTILINE)
_EXACT = re.compile(r"^===?\s*[^*,\s]+$")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A file that declares dependencies, and the lock that covers it, if any."""

    path: str
    language: str
    dependencies: tuple[Dependency, ...]
    lock: str = ""


def manifests_of(code: Codebase) -> list[Manifest]:
    """Those that declare anything. Java's are their own lock: Maven and Gradle take versions as written."""
    found: dict[str, list[Dependency]] = {}
    languages: dict[str, str] = {}
    for language, finder in _FINDERS:
        for one in code.fact(finder):
            found.setdefault(one.path, []).append(one)
            languages[one.path] = language
    return [Manifest(path, languages[path], tuple(wanted), _lock(code, path, wanted)) for path, wanted in found.items()]


def locked_python(code: Codebase) -> frozenset[str]:
    """Every distribution that a Python lock brings, in PyPI's form of the name."""
    return frozenset(name for file in code.find(*LOCKS["pyproject.toml"], kinds=OWN) for name in _names(file))


def known_by(code: Codebase, manifest: Manifest) -> frozenset[str]:
    """The names that a manifest's lock has; none when it is of a kind we cannot read, or the manifest itself."""
    file = code.get(manifest.lock) if manifest.lock != manifest.path else None
    if file is None:
        return frozenset()
    if file.name in LOCKS["pyproject.toml"]:
        return frozenset(_names(file)) if manifest.path.endswith(("pyproject.toml", "Pipfile")) else frozenset()
    reader = _READERS.get(file.name) or (_names_of_pip if manifest.path.endswith(".in") else None)
    names = frozenset(reader(file)) if reader else frozenset()
    return names | _kept_elsewhere(code, manifest) if names else names


def _kept_elsewhere(code: Codebase, manifest: Manifest) -> frozenset[str]:
    """What no lock has to have: the packages of a workspace, and modules that are replaced by a directory."""
    if manifest.language == "node":
        return frozenset(str(package.data.get("name")) for package in code.fact(manifests.packages_json))
    file = code.get(manifest.path) if manifest.language == "go" else None
    return (
        frozenset(match[1] for _, match in file.search(r"^(?:replace[ \t]+|[ \t]+)(\S+).*=>")) if file else frozenset()
    )


def versions_by(code: Codebase, manifest: Manifest) -> dict[str, set[str]]:
    """The versions that a manifest's lock has of what the manifest itself asks for, where we can read them."""
    file = code.get(manifest.lock) if manifest.lock != manifest.path else None
    if file is None or file.path.rpartition("/")[0] != manifest.path.rpartition("/")[0]:
        return {}  # the lock of a workspace may have others for others
    if file.name in {"uv.lock", "poetry.lock", "pdm.lock"}:
        pairs = [(normal(match[1]), match[2]) for match in _LOCKED_VERSION.finditer(file.text)]
    elif file.name in {"package-lock.json", "npm-shrinkwrap.json"}:
        pairs = list(_versions_of_npm(file))
    elif file.name == "Gemfile.lock":
        pairs = [(match[1], match[2]) for _, match in file.search(_LOCKED_GEM)]
    else:
        return {}
    found: dict[str, set[str]] = {}
    for name, version in pairs:
        found.setdefault(name, set()).add(version)
    return found


def _versions_of_npm(file: SourceFile) -> Iterator[tuple[str, str]]:
    """What stands at the top: it is what the root's own package.json gets."""
    data = table(parsed_json(file))
    packages = table(data.get("packages"))
    places = {place.removeprefix("node_modules/"): told for place, told in packages.items()} or table(
        data.get("dependencies")
    )
    for name, told in places.items():
        version = table(told).get("version")
        if isinstance(version, str) and "node_modules/" not in name:
            yield name, version


def _names_of_npm(file: SourceFile) -> Iterator[str]:
    data = table(parsed_json(file))
    yield from table(data.get("dependencies"))
    for place, package in table(data.get("packages")).items():
        yield place.rpartition("node_modules/")[2]
        for group in ("dependencies", "devDependencies", "optionalDependencies"):
            yield from table(table(package).get(group)) if "node_modules/" not in place else ()


def _names_of_gems(file: SourceFile) -> Iterator[str]:
    yield from (match[1] for match in re.finditer(r"^ {2,4}([\w.-]+)(?: \(|!|$)", file.text, re.MULTILINE))


def _names_of_pip(file: SourceFile) -> Iterator[str]:
    yield from (one.name for one in manifests.of_requirements(file))


def _matched(pattern: re.Pattern[str]) -> Callable[[SourceFile], Iterator[str]]:
    return lambda file: (match[1] for match in pattern.finditer(file.text))


_READERS: dict[str, Callable[[SourceFile], Iterator[str]]] = {
    "package-lock.json": _names_of_npm,
    "npm-shrinkwrap.json": _names_of_npm,
    "Gemfile.lock": _names_of_gems,
    "yarn.lock": _matched(_YARN),
    "pnpm-lock.yaml": _matched(_PNPM),
    "go.sum": _matched(_GO_SUM),
}


def _names(file: SourceFile) -> Iterator[str]:
    if file.name == "Pipfile.lock":
        data = table(parsed_json(file))
        yield from (normal(name) for group in ("default", "develop") for name in table(data.get(group)))
        return
    yield from (normal(match[1]) for match in _LOCKED_NAME.finditer(file.text))


def _lock(code: Codebase, path: str, wanted: list[Dependency]) -> str:
    """The path of what locks a manifest; itself when it has an exact version of everything."""
    directory, _, name = path.rpartition("/")
    if name in LOCKS:
        return next((lock for lock in _above(directory, LOCKS[name]) if lock in code.files), "")
    if name.endswith((".xml", ".gradle", ".kts")):
        return path
    if name.endswith(".in") and (compiled := f"{path.removesuffix('.in')}.txt") in code.files:
        return compiled
    if all(is_exact(one.version) for one in wanted):
        return path
    beside = (f"{directory}/{lock}" if directory else lock for lock in (*_OF_PIP, *_constraints(code, path)))
    return next((lock for lock in beside if lock in code.files), "") or _poetry_beside(code, directory)


def _constraints(code: Codebase, path: str) -> list[str]:
    file = code.get(path)
    return [match[1].removeprefix("./") for match in _CONSTRAINED.finditer(file.text)] if file else []


def _poetry_beside(code: Codebase, directory: str) -> str:
    """A requirements file beside a lock is what other tools are given; the lock is what counts."""
    return next((lock for lock in _above(directory, LOCKS["pyproject.toml"]) if lock in code.files), "")


def _above(directory: str, names: tuple[str, ...]) -> Iterator[str]:
    """Each name in the directory and in all above it."""
    while True:
        yield from (f"{directory}/{name}" if directory else name for name in names)
        if not directory:
            return
        directory = directory.rpartition("/")[0]


def is_exact(version: str) -> bool:
    """Of a requirement's version: "==2.1", or a place with a commit."""
    return bool(_EXACT.match(version.partition("--hash")[0].strip().rstrip("\\").strip())) or is_fixed_place(version)


def is_fixed_place(version: str) -> bool:
    """A URL that always brings the same: a commit, a release's tag or a file with a version in its name."""
    if "://" not in version:  # npm's short forms: "github:a/b#v1.2", "git@host:a/b.git#1f3a9c2"
        return bool(re.search(r"^[^\s#]{1,300}/[^\s#]{1,300}#(?:[0-9a-f]{7,40}|v?\d+\.\d+[\w.-]{0,40})$", version))
    if re.search(r"[@#/][0-9a-f]{7,40}(?:$|[./#?])", version):
        return True
    named = version.rpartition("@")[2] if "git" in version and "@" in version.rpartition("/")[2] else version
    return bool(re.search(r"(?:^|[/@#_-])v?\d+\.\d+[\w.]*", named.rpartition("://")[2]))


_FINDERS = (
    ("python", manifests.python_dependencies),
    ("node", manifests.node_dependencies),
    ("ruby", manifests.ruby_dependencies),
    ("go", manifests.go_dependencies),
    ("java", manifests.java_dependencies),
)
