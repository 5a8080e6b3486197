"""What the codebase declares it needs, by language: names as the language's own index spells them, with their lines."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from twelve.audit.codebase import Codebase, Kind, SourceFile
from twelve.audit.facts.comments import uncommented

_EDITABLE = re.compile(r"^\s*(?:-e|--editable)[ =]")
# A requirement by its place: a name and an at-sign before the URL, or the name as its fragment.
_URL = re.compile(
    r"^(?:([\w.-]++)\s*+(?:\[[^\]]*+\]\s*+)?@\s*+)?((?:\w{1,20}\+)?(?:https?|git|ssh|file)://[^\s#;]+)(?:#egg=([\w.-]+))?"
)
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*([^;#]*)")
_GEM = re.compile(r"^\s*+gem\s*+(?:\(\s*+)?['\"]([\w.-]+)['\"](.*)")
_ELEMENT = re.compile(r"<([\w.-]{1,80})>\s*([^<>\s]+)\s*</\1>")
_GRADLE = re.compile(
    r"^[ \t]*(\w{0,40}(?:implementation|api|compileOnly|runtimeOnly|compile)) ?[ (]"
    r"['\"]([\w.-]+):([\w.-]+)(?::([^'\":@]+))?",
    re.MULTILINE | re.IGNORECASE,
)  # fmt: skip
_KEY = re.compile(r'"((?:[^"\\\n]|\\.)*+)"(?=\s{0,80}+:)')
LONG_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){64}""")
OWN = (Kind.PRODUCTION, Kind.DEVELOPMENT, Kind.BUILD)
DEV_GROUPS = {"dev", "test", "tests", "testing", "docs", "lint", "development"}


@dataclass(frozen=True, slots=True)
class Dependency:
    """`version` as written: "==2.1", "^4.17", "" for any. `dev`: not installed in production. `own`: made here, too."""

    name: str
    version: str
    path: str
    line: int | None
    dev: bool = False
    own: bool = False


@dataclass(frozen=True, slots=True)
class PackageJson:
    path: str
    data: Mapping[str, Any]
    scripts: Mapping[str, str]
    text: str

    def line_of(self, key: str) -> int | None:
        return _lines_of_keys(self.text).get(key)


@lru_cache(maxsize=8)
def _lines_of_keys(text: str) -> dict[str, int]:
    """The first line of each key of a JSON document."""
    found: dict[str, int] = {}
    line, at = 1, 0
    for match in _KEY.finditer(text):
        line, at = line + text.count("\n", at, match.start()), match.start()
        found.setdefault(match[1], line)
    return found


def package_json(code: Codebase) -> PackageJson | None:
    """The root's own."""
    return next((package for package in code.fact(packages_json) if package.path == "package.json"), None)


def packages_json(code: Codebase) -> list[PackageJson]:
    """The root's own first."""
    files = sorted(code.find("package.json", kinds=OWN), key=lambda file: (file.path.count("/"), file.path))
    read = ((file, parsed_json(file)) for file in files)
    return [PackageJson(file.path, data, _texts(data.get("scripts")), file.text) for file, data in read if table(data)]


def parsed_json(file: SourceFile) -> Any:
    """None when it is none."""
    try:
        return json.loads(file.text)
    except (ValueError, RecursionError):
        return None


def parsed_toml(file: SourceFile) -> dict[str, Any]:
    """Empty when it is none, or has a key so long that reading it would take forever."""
    if LONG_KEY.search(file.text):
        return {}
    try:
        return tomllib.loads(file.text)
    except (ValueError, RecursionError):
        return {}


def table(value: Any) -> dict[str, Any]:
    """Itself, or nothing when it is no table: manifests are written by people."""
    return value if isinstance(value, dict) else {}


def normal(name: str) -> str:
    """PyPI's form of a name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def python_dependencies(code: Codebase) -> list[Dependency]:
    """Of requirements*.txt, pyproject.toml (PEP 621, poetry, dependency groups) and Pipfile, wherever they are."""
    found: list[Dependency] = []
    for file in requirements(code):
        found += of_requirements(file)
    for name, reader in (("pyproject.toml", _of_pyproject), ("Pipfile", _of_pipfile)):
        for file in code.find(name, kinds=OWN):
            found += reader(file)
    return found


def requirements(code: Codebase) -> list[SourceFile]:
    """What pip is given: requirements.txt, requirements/prod.txt, dev-requirements.in."""
    return code.find("*requirements*.txt", "*requirements*.in", "*requirements/*.txt", "*requirements/*.in", kinds=OWN)


def node_dependencies(code: Codebase) -> list[Dependency]:
    """Of every package.json of the app."""
    return [one for package in code.fact(packages_json) for one in _of_package(package)]


def ruby_dependencies(code: Codebase) -> list[Dependency]:
    """Of each Gemfile; what stands in a group of development or test is `dev`."""
    return [one for file in code.find("Gemfile", kinds=OWN) for one in _of_gemfile(file)]


def go_dependencies(code: Codebase) -> list[Dependency]:
    """Of each go.mod, the direct and the indirect ones, by module path."""
    required = re.compile(r"^[ \t]*(?:require[ \t]+)?([^\s/.]+\.[^\s/]+/\S+)[ \t]+(v\d\S*)", re.MULTILINE)
    return [
        Dependency(match[1], match[2], file.path, line)
        for file in code.find("go.mod", kinds=OWN)
        for line, match in file.search(required)
    ]


def java_dependencies(code: Codebase) -> list[Dependency]:
    """Of each pom.xml and build.gradle(.kts), as "group:artifact"; a version that a parent or a platform sets is ""."""
    return [
        *(one for file in code.find("pom.xml", kinds=OWN) for one in _of_pom(file)),
        *(one for file in code.find("build.gradle", "build.gradle.kts", kinds=OWN) for one in _of_gradle(file)),
    ]


def declared(code: Codebase) -> dict[str, Dependency]:
    """Everything declared, by name (each index's own form); what production gets wins over the rest."""
    every = [
        *code.fact(python_dependencies), *code.fact(node_dependencies), *code.fact(ruby_dependencies),
        *code.fact(go_dependencies), *code.fact(java_dependencies),
    ]  # fmt: skip
    return {one.name: one for one in sorted(every, key=lambda one: not one.dev)}


def of_requirements(file: SourceFile) -> Iterator[Dependency]:
    dev = any(group in file.path.lower() for group in ("dev", "test", "doc", "lint", "local"))
    for number, line in enumerate(file.lines, start=1):
        wanted = _EDITABLE.sub("", line).strip()
        if url := _URL.match(wanted):
            yield Dependency(normal(url[1] or url[3] or url[2]), url[2], file.path, number, dev)
        elif (match := _REQUIREMENT.match(wanted)) and match[1]:
            yield Dependency(normal(match[1]), match[3].strip().rstrip("\\").strip(), file.path, number, dev)


def _of_package(package: PackageJson) -> Iterator[Dependency]:
    for key, dev in (("dependencies", False), ("optionalDependencies", False), ("devDependencies", True)):
        for name, version in table(package.data.get(key)).items():
            yield Dependency(name, str(version), package.path, package.line_of(name), dev)


def _of_pyproject(file: SourceFile) -> Iterator[Dependency]:
    data = parsed_toml(file)
    project, poetry = table(data.get("project")), table(table(data.get("tool")).get("poetry"))
    yield from _listed(file, project.get("dependencies"), dev=False)
    own = normal(str(project.get("name", "")))  # one of its extras may have another one in it
    for group, wanted in table(project.get("optional-dependencies")).items():
        yield from (one for one in _listed(file, wanted, dev=group in DEV_GROUPS) if one.name != own)
    for wanted in table(data.get("dependency-groups")).values():
        yield from (one for one in _listed(file, wanted, dev=True) if one.name != own)
    yield from _mapped(file, poetry.get("dependencies"), dev=False)
    yield from _mapped(file, poetry.get("dev-dependencies"), dev=True)
    for group in table(poetry.get("group")).values():
        yield from _mapped(file, table(group).get("dependencies"), dev=True)


def _of_pipfile(file: SourceFile) -> Iterator[Dependency]:
    data = parsed_toml(file)
    yield from _mapped(file, data.get("packages"), dev=False)
    yield from _mapped(file, data.get("dev-packages"), dev=True)


def _of_gemfile(file: SourceFile) -> Iterator[Dependency]:
    group = ""
    for number, line in enumerate(file.lines, start=1):
        if begun := re.match(r"\s*group\b(.*)\bdo\b", line):
            group = begun[1]
        elif re.match(r"end\b", line):
            group = ""
        elif match := _GEM.match(line):
            versions = re.findall(r"['\"]\s*((?:[~<>=!]+\s*)?\d[\w.]*)['\"]", match[2])
            dev = bool(re.search("development|test", group + match[2]))
            yield Dependency(match[1], ", ".join(versions), file.path, number, dev)


def _of_pom(file: SourceFile) -> Iterator[Dependency]:
    text = uncommented(file)
    properties = dict(_ELEMENT.findall(text))
    before, *blocks = text.split("<dependency>")
    line = 1 + before.count("\n")
    groups = {value for key, value in _ELEMENT.findall(before) if key == "groupId"}
    for block in blocks:
        told = dict(_ELEMENT.findall(block.partition("</dependency>")[0]))
        version = re.sub(r"\$\{([^}]*)\}", lambda name: properties.get(name[1], ""), told.get("version", ""))
        name = f"{told.get('groupId', '')}:{told.get('artifactId', '')}"
        own = told.get("groupId") in groups
        yield Dependency(name, version, file.path, line, told.get("scope") == "test", own)
        line += block.count("\n")


def _of_gradle(file: SourceFile) -> Iterator[Dependency]:
    for line, match in file.search(_GRADLE):
        yield Dependency(f"{match[2]}:{match[3]}", match[4] or "", file.path, line, "test" in match[1].lower())


def _listed(file: SourceFile, wanted: Any, *, dev: bool) -> Iterator[Dependency]:
    for text in wanted if isinstance(wanted, list) else []:
        if isinstance(text, str) and (match := _REQUIREMENT.match(text)):
            yield Dependency(normal(match[1]), match[3].strip(), file.path, line_of(file, text), dev)


def _mapped(file: SourceFile, wanted: Any, *, dev: bool) -> Iterator[Dependency]:
    for name, version in table(wanted).items():
        if name != "python":
            yield Dependency(normal(name), _version(version), file.path, line_of(file, name), dev)


def _version(told: Any) -> str:
    """As written; of a table its version, or where it comes from ("git+https://host/shop@1f3a")."""
    if isinstance(told, dict) and isinstance(told.get("git"), str):
        return f"git+{told['git']}@{told.get('rev') or told.get('ref') or told.get('tag') or ''}"
    version = told.get("version") if isinstance(told, dict) else told
    return version if isinstance(version, str) else ""


def _texts(value: Any) -> dict[str, str]:
    return {name: text for name, text in table(value).items() if isinstance(text, str)}


def line_of(file: SourceFile, text: str) -> int | None:
    """The first line `text` stands on."""
    at = file.text.find(text)
    return file.line_at(at) if at >= 0 else None
