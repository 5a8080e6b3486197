"""What a codebase says about its Python dependencies: which file decides, and which other files that one depends on."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twelve.core.errors import BuildError, Where
from twelve.stages.build import package_json
from twelve.stages.build.language import file_digest
from twelve.stages.build.python_version import load_toml

LOCKS = ("uv.lock", "poetry.lock", "Pipfile.lock")
METADATA = ("pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in")
SIGNS = (*LOCKS, "requirements.txt", "pyproject.toml", "Pipfile", "setup.py", ".python-version", "runtime.txt")
_INCLUDE = re.compile(r"\s*(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)")
_LOCAL = re.compile(r"\s*(?:(?:-e|--editable)[\s=]+)?(?:\.|file:|/)")


@dataclass(frozen=True, slots=True)
class Project:
    """`file` is what decides: a lock, requirements.txt, pyproject.toml, setup.py, or "" for no dependencies at all.

    `package` tells that the codebase installs itself as well; then it is on the path by name, from where it lies.
    """

    tree: Path
    file: str
    pyproject: Mapping[str, Any] = field(default_factory=dict)
    lock: Mapping[str, Any] = field(default_factory=dict)

    @property
    def package(self) -> bool:
        tool = self.pyproject.get("tool", {})
        if self.file in {"requirements.txt", "Pipfile.lock", ""}:
            return False
        if self.file == "poetry.lock":
            return bool(tool.get("poetry", {}).get("package-mode", True)) and _poetry_package(self.tree, self.pyproject)
        explicit = tool.get("uv", {}).get("package")
        return self.file == "setup.py" or bool("build-system" in self.pyproject if explicit is None else explicit)

    @property
    def inputs(self) -> dict[str, str]:
        """Digests of everything the installed set depends on."""
        names = [self.file] if self.file else []
        names += requirements_files(self.tree) if self.file == "requirements.txt" else []
        if self.file not in {"requirements.txt", "Pipfile.lock", ""}:
            names += METADATA
        found = {name: file_digest(self.tree / name) for name in names}
        if self.package or self.has_local:
            found["packages"] = json.dumps(sorted(_package_names(self.tree)))
        return found

    @property
    def has_local(self) -> bool:
        """Whether something of the codebase itself is among the dependencies, by its path."""
        if self.file == "requirements.txt":
            return any(
                _LOCAL.match(line) for name in requirements_files(self.tree) for line in _lines(self.tree / name)
            )
        if self.file == "uv.lock":
            sources = [package.get("source", {}) for package in self.lock.get("package", [])]
            return any(source.keys() & {"editable", "directory", "path"} for source in sources)
        return False


def read(tree: Path) -> Project | None:
    """None when this is no Python codebase."""
    if not any((tree / name).is_file() for name in SIGNS) and not any(tree.glob("*.py")):
        return None
    pyproject = load_toml(tree / "pyproject.toml")
    for name in LOCKS:
        if (tree / name).is_file():
            lock = package_json.load(tree / name) if name == "Pipfile.lock" else load_toml(tree / name)
            return Project(tree, name, pyproject, lock)
    return Project(tree, _unlocked(tree, pyproject), pyproject)


def _unlocked(tree: Path, pyproject: Mapping[str, Any]) -> str:
    if (tree / "requirements.txt").is_file():
        return "requirements.txt"
    if "project" in pyproject or "poetry" in pyproject.get("tool", {}):
        return "pyproject.toml"
    if (tree / "setup.py").is_file():
        return "setup.py"
    if (tree / "Pipfile").is_file():
        raise BuildError(
            "Pipfile has no Pipfile.lock beside it.",
            where=Where("Pipfile"),
            hint="Run `pipenv lock` and commit the result.",
        )
    return ""


def requirements_files(tree: Path, start: str = "requirements.txt") -> list[str]:
    """requirements.txt and every file it includes, as far as they are in the codebase."""
    found, pending = [], [start]
    while pending:
        name = pending.pop()
        path = tree / name
        if name in found or not path.resolve().is_relative_to(tree.resolve()) or not path.is_file():
            continue
        found.append(name)
        includes = [match[1] for line in _lines(path) if (match := _INCLUDE.match(line))]
        pending += [str(path.parent.relative_to(tree) / include) for include in includes]
    return sorted(found)


def _lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()


def _package_names(tree: Path) -> Iterator[str]:
    """What an installed-from-where-it-lies codebase can be asked for by name, and the metadata of its parts."""
    for root in (tree, tree / "src"):
        if root.is_dir():
            yield from (
                f"{root.name if root != tree else ''}/{entry.name}" for entry in root.iterdir() if entry.is_dir()
            )
    for name in METADATA:
        yield from (f"{path.relative_to(tree)}={file_digest(path)}" for path in tree.glob(f"*/**/{name}"))


def _poetry_package(tree: Path, pyproject: Mapping[str, Any]) -> bool:
    """Whether there is something poetry would install as the project itself."""
    poetry = pyproject.get("tool", {}).get("poetry", {})
    name = str(pyproject.get("project", {}).get("name") or poetry.get("name", "")).replace("-", "_").lower()
    if not name or "build-system" not in pyproject:
        return False
    declared = [Path(str(package.get("from", "")), str(package.get("include", ""))) for package in _packages(poetry)]
    return any(path.parts and any(tree.glob(os.fspath(path).lstrip("/"))) for path in declared) or any(
        (tree / root / name).is_dir() for root in ("", "src")
    )


def _packages(poetry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [package for package in poetry.get("packages", []) if isinstance(package, dict)]
