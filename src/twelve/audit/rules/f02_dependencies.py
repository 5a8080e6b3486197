"""Factor II: every dependency declared exactly, none taken from the system."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase
from twelve.audit.facts import foreign, libraries, locks, ranges, runtimes
from twelve.audit.facts.locks import Manifest
from twelve.audit.facts.manifests import Dependency
from twelve.audit.model import Evidence, Hit, Verdict
from twelve.audit.rule import ERROR, WARNING, Rulebook
from twelve.audit.rules import f02_runtimes, f02_undeclared

RULES = Rulebook()
EXACTLY = (
    "A twelve-factor app declares all dependencies, completely and exactly, via a dependency declaration manifest."
)
LOCKERS = {
    "python": "`uv lock` or `pip-compile --generate-hashes`",
    "node": "`npm install --package-lock-only`",
    "ruby": "`bundle lock`",
    "go": "`go mod tidy`",
    "java": "exact versions",
}
MANIFESTS = {
    "python": "requirements.txt or pyproject.toml",
    "javascript": "package.json",
    "typescript": "package.json",
    "ruby": "Gemfile",
    "go": "go.mod",
    "java": "pom.xml or build.gradle",
}
_DECLARE_ANY = (
    "Gemfile", "gems.rb", "*.gemspec", "go.mod", "Gopkg.toml", "glide.yaml", "pom.xml", "build.gradle*", "build.xml",
    "build.sbt", "ivy.xml", "BUILD", "BUILD.bazel", "WORKSPACE", "*.jar",
)  # fmt: skip
_MOVING = {"latest", "*", "x", "next", "canary"}
_OF_WORKSPACE = ("workspace:", "file:", "link:", "portal:", "catalog:", "npm:", "patch:")
_DYNAMIC_JAVA = re.compile(r"LATEST|RELEASE|\+|[\[(].{0,99}?,|latest\.|-SNAPSHOT$")
_NPM_PLACE = re.compile(r"^(?:git@|(?:github|gitlab|bitbucket):|[\w-]++/[\w.-]++(?:#|$))")


def irrelevant(code: Codebase) -> str:
    known = bool(code.written_in(*MANIFESTS)) or bool(code.fact(locks.manifests_of))
    return "" if known else "There is no code in a language whose dependencies we know."


def witness(code: Codebase) -> Iterator[Evidence]:
    """Each manifest with its lock, and the version of the runtime that somebody pinned."""
    every = code.fact(locks.manifests_of)
    for one in every:
        if one.lock:
            how = "names exact versions" if one.lock == one.path else f"is locked by {one.lock}"
            yield Evidence(f"{one.path} declares {_counted(len(one.dependencies))} and {how}", one.path, 1)
    if any(one.lock for one in every):
        for pinned in code.fact(runtimes.runtimes):
            if pinned.version and pinned.where == runtimes.PRODUCTION:
                yield Evidence(f"{pinned.language} {pinned.version} is asked for", pinned.path, pinned.line)


def _counted(number: int) -> str:
    return "one dependency" if number == 1 else f"{number} dependencies"


@RULES.of_code(
    "TF02-no-manifest",
    ERROR,
    "The code imports libraries, and no manifest declares any.",
    fix="Declare them where the language's own tool looks: requirements.txt, pyproject.toml, package.json, Gemfile.",
    why=EXACTLY,
    bad={"app.py": "import flask\napp = flask.Flask(__name__)\n"},
    good={"app.py": "import flask\napp = flask.Flask(__name__)\n", "requirements.txt": "flask==3.1.0\n"},
)
def nothing_declares(code: Codebase) -> Iterator[Hit]:
    for one in code.fact(foreign.foreign_imports):
        if not f02_undeclared.has_manifest(code, one.language):
            yield Hit(one.path, one.line, f"{one.module} is imported, and there is no {MANIFESTS[one.language]}.")
            return
    for file, imports in () if code.find(*_DECLARE_ANY) else code.extracted(foreign.other_imports):
        module, line = imports[0]
        if not _is_own(code, module):
            yield Hit(file.path, line, f"{module} is imported, and there is no {MANIFESTS[file.language]}.")
            return


def _is_own(code: Codebase, module: str) -> bool:
    """A package of this codebase: its directories are named after it."""
    place = f"{module.replace('.', '/')}/"
    return any(place in path for path in code.files)


@RULES.of_code(
    "TF02-no-lockfile",
    WARNING,
    "The manifest has no lock: what is installed depends on the day.",
    fix="Lock every version, also of what the dependencies need, and commit the lock.",
    why=EXACTLY,
    bad={"package.json": '{"dependencies": {"express": "^4.18.0"}}\n'},
    good={"package.json": '{"dependencies": {"express": "^4.18.0"}}\n', "package-lock.json": "{}\n"},
)
def no_lock(code: Codebase) -> Iterator[Hit]:
    for one in code.fact(locks.manifests_of):
        if not one.lock and not libraries.is_library(code, one):
            first = min(one.dependencies, key=lambda wanted: wanted.line or 0)
            told = f"{one.path} names no exact version of everything it needs: lock it with {LOCKERS[one.language]}."
            yield Hit(one.path, first.line, told)


@RULES.of_code(
    "TF02-unpinned",
    WARNING,
    "A dependency may be any version.",
    fix="Name a version, or a range with a lock beside it; of a repository, a commit.",
    why=EXACTLY,
    bad={"requirements.txt": "flask==3.1.0\nredis\n"},
    good={"requirements.txt": "flask==3.1.0\nredis==6.4.0\n"},
)
def any_version(code: Codebase) -> Iterator[Hit]:
    for manifest in code.fact(locks.manifests_of):
        for one in () if libraries.is_library(code, manifest) else manifest.dependencies:
            if said := _openness(manifest, one):
                yield Hit(one.path, one.line, f"{one.name} {said}.")


def _openness(manifest: Manifest, one: Dependency) -> str:
    """Why what is installed may differ from day to day; empty when it may not, or the lock settles it."""
    version = one.version.strip()
    if "://" in version or (manifest.language == "node" and _NPM_PLACE.search(version)):
        return "" if locks.is_fixed_place(version) or _settles(manifest) else f"comes from {version}, without a commit"
    if manifest.language == "node":
        return _openness_of_node(version, locked=bool(manifest.lock))
    if manifest.language == "java":
        is_open = _DYNAMIC_JAVA.search(version) and not one.own
        return f"is asked for as {version}" if is_open else ""
    if manifest.lock or manifest.language == "go":
        return ""
    return _openness_of_range(version)


def _settles(manifest: Manifest) -> bool:
    """A lock of these tools keeps the commit; npm's own keeps what was there, and asks for it again by its name."""
    return bool(manifest.lock) and manifest.language != "node"


def _openness_of_node(version: str, *, locked: bool) -> str:
    if version.startswith(_OF_WORKSPACE):
        return ""
    if version in _MOVING or not version:
        return f'is asked for as "{version}"'
    return (
        f"may be any version from {version} on" if version.startswith(">") and "<" not in version and not locked else ""
    )


def _openness_of_range(version: str) -> str:
    if not version or version == "*":
        return "has no version"
    is_open = ">" in version and "<" not in version and "==" not in version and "~" not in version
    return f"may be any version {version}" if is_open else ""


@RULES.of_code(
    "TF02-lock-drift",
    ERROR,
    "The lock does not have what the manifest declares.",
    fix="Lock again and commit both files together.",
    why=EXACTLY,
    verdict=Verdict.FAIL,
    bad={
        "pyproject.toml": '[project]\nname = "shop"\ndependencies = ["flask", "redis"]\n',
        "uv.lock": 'version = 1\n[[package]]\nname = "flask"\n',
    },
    good={
        "pyproject.toml": '[project]\nname = "shop"\ndependencies = ["flask", "redis"]\n',
        "uv.lock": 'version = 1\n[[package]]\nname = "flask"\n[[package]]\nname = "redis"\n',
    },
)
def lock_is_older(code: Codebase) -> Iterator[Hit]:
    for manifest in code.fact(locks.manifests_of):
        known = locks.known_by(code, manifest)
        for one in manifest.dependencies if known else ():
            if one.name not in known:
                yield Hit(one.path, one.line, f"{one.name} is declared, and {manifest.lock} does not have it.")
        yield from _other_versions(code, manifest)


def _other_versions(code: Codebase, manifest: locks.Manifest) -> Iterator[Hit]:
    """Only what is outside of the range for certain."""
    versions = locks.versions_by(code, manifest)
    for one in manifest.dependencies:
        locked = versions.get(one.name, set())
        if locked and all(ranges.allows(manifest.language, one.version, version) is False for version in locked):
            told = f"{one.name} is declared as {one.version}, and {manifest.lock} has {', '.join(sorted(locked))}."
            yield Hit(one.path, one.line, told)


RULES.rules += [*f02_undeclared.RULES.rules, *f02_runtimes.RULES.rules]
