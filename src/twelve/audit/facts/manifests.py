"""What the codebase declares it needs, by language: names as the language's own index spells them, with their lines."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from twelve.audit.codebase import Codebase, SourceFile

_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*([^;#]*)")
DEV_GROUPS = {"dev", "test", "tests", "testing", "docs", "lint", "development"}


@dataclass(frozen=True, slots=True)
class Dependency:
    """`version` as written: "==2.1", "^4.17", "" for any. `dev`: not installed in production."""

    name: str
    version: str
    path: str
    line: int | None
    dev: bool = False


@dataclass(frozen=True, slots=True)
class PackageJson:
    path: str
    data: Mapping[str, Any]
    scripts: Mapping[str, str]
    text: str

    def line_of(self, key: str) -> int | None:
        match = re.search(rf'"{re.escape(key)}"\s*:', self.text)
        return self.text.count("\n", 0, match.start()) + 1 if match else None


def package_json(code: Codebase) -> PackageJson | None:
    file = code.get("package.json")
    data = parsed_json(file) if file else None
    if file is None or not isinstance(data, dict):
        return None
    scripts = data.get("scripts")
    texts = {name: text for name, text in scripts.items() if isinstance(text, str)} if isinstance(scripts, dict) else {}
    return PackageJson(file.path, data, texts, file.text)


def parsed_json(file: SourceFile) -> Any:
    """None when it is none."""
    try:
        return json.loads(file.text)
    except (ValueError, RecursionError):
        return None


def parsed_toml(file: SourceFile) -> dict[str, Any]:
    try:
        return tomllib.loads(file.text)
    except (ValueError, RecursionError):
        return {}


def normal(name: str) -> str:
    """PyPI's form of a name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def python_dependencies(code: Codebase) -> list[Dependency]:
    """Of requirements*.txt, pyproject.toml (PEP 621, poetry, dependency groups), Pipfile, setup.cfg at the root."""
    found: list[Dependency] = []
    for file in code.find("requirements*.txt", "requirements/*.txt", "requirements*.in"):
        found += _of_requirements(file)
    for name, reader in (("pyproject.toml", _of_pyproject), ("Pipfile", _of_pipfile)):
        if file_ := code.get(name):
            found += reader(file_)
    return found


def node_dependencies(code: Codebase) -> list[Dependency]:
    package = code.fact(package_json)
    if package is None:
        return []
    return [
        Dependency(name, str(version), package.path, package.line_of(name), dev)
        for key, dev in (("dependencies", False), ("optionalDependencies", False), ("devDependencies", True))
        for name, version in (package.data.get(key) or {}).items()
    ]


def declared(code: Codebase) -> dict[str, Dependency]:
    """Everything declared, by name (PyPI's normal form, or npm's own); what production gets wins over the rest."""
    every = [*code.fact(python_dependencies), *code.fact(node_dependencies)]
    return {one.name: one for one in sorted(every, key=lambda one: not one.dev)}


def _of_requirements(file: SourceFile) -> Iterator[Dependency]:
    dev = any(group in file.path.lower() for group in ("dev", "test", "doc", "lint", "local"))
    for number, line in enumerate(file.lines, start=1):
        if line.lstrip().startswith(("#", "-")) or "://" in line.partition("#")[0].split("@")[0]:
            continue
        if (match := _REQUIREMENT.match(line)) and match[1]:
            yield Dependency(normal(match[1]), match[3].strip().rstrip("\\").strip(), file.path, number, dev)


def _of_pyproject(file: SourceFile) -> Iterator[Dependency]:
    data = parsed_toml(file)
    project = data.get("project") or {}
    yield from _listed(file, project.get("dependencies"), dev=False)
    for group, wanted in (project.get("optional-dependencies") or {}).items():
        yield from _listed(file, wanted, dev=group in DEV_GROUPS)
    for wanted in (data.get("dependency-groups") or {}).values():
        yield from _listed(file, wanted, dev=True)
    poetry = (data.get("tool") or {}).get("poetry") or {}
    yield from _mapped(file, poetry.get("dependencies"), dev=False)
    yield from _mapped(file, poetry.get("dev-dependencies"), dev=True)
    for group in (poetry.get("group") or {}).values():
        yield from _mapped(file, group.get("dependencies"), dev=True)


def _of_pipfile(file: SourceFile) -> Iterator[Dependency]:
    data = parsed_toml(file)
    yield from _mapped(file, data.get("packages"), dev=False)
    yield from _mapped(file, data.get("dev-packages"), dev=True)


def _listed(file: SourceFile, wanted: Any, *, dev: bool) -> Iterator[Dependency]:
    for text in wanted if isinstance(wanted, list) else []:
        if isinstance(text, str) and (match := _REQUIREMENT.match(text)):
            yield Dependency(normal(match[1]), match[3].strip(), file.path, line_of(file, text), dev)


def _mapped(file: SourceFile, wanted: Any, *, dev: bool) -> Iterator[Dependency]:
    for name, version in wanted.items() if isinstance(wanted, dict) else []:
        if name != "python":
            told = (
                version
                if isinstance(version, str)
                else str(version.get("version", ""))
                if isinstance(version, dict)
                else ""
            )
            yield Dependency(normal(name), told, file.path, line_of(file, name), dev)


def line_of(file: SourceFile, text: str) -> int | None:
    """The first line `text` stands on."""
    at = file.text.find(text)
    return file.line_at(at) if at >= 0 else None
