"""poetry.lock -> what to install: a walk from what pyproject.toml asks for, through the packages the lock holds.

The walk judges markers, extras and Python ranges itself, because old locks do not say which package is for development.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier
from packaging.utils import canonicalize_name
from packaging.version import Version

from twelve.core.errors import BadManifest, Where
from twelve.stages.build.python_version import poetry_specifier
from twelve.stages.build.requirements import Locked, Pin, beside_pypi, marker_environment

Toml = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Need:
    """A package somebody asks for. `constraint` is poetry's or PEP 440's, "*" for any."""

    name: str
    constraint: str = "*"
    extras: tuple[str, ...] = ()
    markers: str = ""
    python: str = "*"
    optional: bool = False


def read(lock: Toml, pyproject: Toml, python: Version) -> Locked:
    """What to install for that Python, without development groups and extras nobody asked for."""
    packages = chosen(lock, pyproject, python)
    indexes = beside_pypi(package["source"]["url"] for package in packages if _source(package) == "legacy")
    return Locked(tuple(map(_pin, packages)), indexes)


def chosen(lock: Toml, pyproject: Toml, python: Version) -> list[Toml]:
    """The packages of the lock, each with its `files`."""
    walk = Walk(lock, python)
    for need in roots(pyproject):
        walk.visit(need, "pyproject.toml")
    return [walk.chosen[key] for key in sorted(walk.chosen)]


def roots(pyproject: Toml) -> Iterator[Need]:
    """[project] dependencies, and [tool.poetry.dependencies], which may only add to them what is not there."""
    project = {canonicalize_name(need.name): need for need in _project(pyproject)}
    yield from project.values()
    own = pyproject.get("tool", {}).get("poetry", {}).get("dependencies", {})
    for name, value in own.items():
        if name != "python" and canonicalize_name(name) not in project:
            yield from (need for need in _needs(name, value) if not need.optional)


def _project(pyproject: Toml) -> Iterator[Need]:
    for text in pyproject.get("project", {}).get("dependencies", []):
        try:
            asked = Requirement(text)
        except InvalidRequirement:
            raise BadManifest(f'"{text}" is not a dependency.', where=Where("pyproject.toml")) from None
        yield Need(asked.name, str(asked.specifier) or "*", tuple(asked.extras), str(asked.marker or ""))


def _needs(name: str, value: Any) -> Iterator[Need]:
    """A dependency in poetry's table: a constraint, a table, or a list of tables for different circumstances."""
    for one in value if isinstance(value, list) else [value]:
        table = one if isinstance(one, dict) else {"version": str(one)}
        yield Need(
            name,
            str(table.get("version", "*")),
            tuple(table.get("extras", ())),
            str(table.get("markers", "")),
            str(table.get("python", "*")),
            bool(table.get("optional", False)),
        )


@dataclass(slots=True)
class Walk:
    """`chosen` holds the packages met so far, by name and version; `_seen` also tells with which extra."""

    lock: Toml
    python: Version
    chosen: dict[tuple[str, str], Toml] = field(default_factory=dict)
    _seen: set[tuple[str, str, str]] = field(default_factory=set)
    _environment: dict[str, str] = field(default_factory=dict)
    _packages: dict[str, list[Toml]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._environment = marker_environment(self.python)
        apart = self.lock.get("metadata", {}).get("files", {})  # where poetry 1.0 to 1.2 kept the hashes
        for package in self.lock.get("package", []):
            files = package.get("files") or apart.get(package["name"], [])
            self._packages.setdefault(canonicalize_name(package["name"]), []).append({**package, "files": files})

    def visit(self, need: Need, asker: str) -> None:
        if not self._applies(need):
            return
        package = self._find(need, asker)
        key = (canonicalize_name(need.name), str(package["version"]))
        for extra in ("", *need.extras):
            if (*key, extra) not in self._seen:
                self._seen.add((*key, extra))
                self.chosen[key] = package
                for following in _behind(package, extra):
                    self.visit(following, str(package["name"]))

    def _applies(self, need: Need) -> bool:
        return self._python_fits(need.python) and self._marker_fits(need.markers)

    def _marker_fits(self, text: str) -> bool:
        try:
            return not text or Marker(text).evaluate(self._environment)
        except InvalidMarker:
            raise BadManifest(f'"{text}" is not a marker.', where=Where("poetry.lock")) from None

    def _python_fits(self, text: str) -> bool:
        return _within(self.python, text)

    def _find(self, need: Need, asker: str) -> Toml:
        """The package that fits; there may be several of a name, for different Pythons or platforms."""
        there = self._packages.get(canonicalize_name(need.name), [])
        usable = [package for package in there if self._python_fits(str(package.get("python-versions", "*")))]
        fitting = [package for package in usable if _within(Version(str(package["version"])), need.constraint)]
        if not fitting:
            raise BadManifest(
                f"poetry.lock does not hold {need.name} ({need.constraint}), which {asker} asks for.",
                where=Where("poetry.lock"),
                hint="Run `poetry lock` and commit the result.",
            )
        marked = [package for package in fitting if self._marker_fits(_main_marker(package))]
        return max(marked or fitting, key=lambda package: Version(str(package["version"])))


def _within(version: Version, constraint: str) -> bool:
    try:
        return any(
            poetry_specifier(part).contains(version, prereleases=True)
            for part in constraint.replace("||", "|").split("|")
        )
    except InvalidSpecifier:
        return True  # a constraint in words of its own: the lock has already decided


def _main_marker(package: Toml) -> str:
    markers = package.get("markers", "")
    return str(markers.get("main", "")) if isinstance(markers, dict) else str(markers)


def _behind(package: Toml, extra: str) -> Iterable[Need]:
    """What a package needs: always (extra ""), or for one of its extras."""
    tables = package.get("dependencies", {})
    needs = [need for name, value in tables.items() for need in _needs(name, value)]
    if not extra:
        return [need for need in needs if not need.optional]
    wanted = {canonicalize_name(name): texts for name, texts in package.get("extras", {}).items()}
    names = {canonicalize_name(text.split()[0].partition("[")[0]) for text in wanted.get(canonicalize_name(extra), [])}
    return [_without_extra(need) for need in needs if need.optional and canonicalize_name(need.name) in names]


def _without_extra(need: Need) -> Need:
    """Its marker often repeats `extra == "x"`, which is just why we are here."""
    parts = [part for part in need.markers.split(" and ") if "extra ==" not in part]
    kept = "" if "extra ==" in need.markers and " or " in need.markers else " and ".join(parts)
    return Need(need.name, need.constraint, need.extras, kept, need.python)


def _source(package: Toml) -> str:
    return str(package.get("source", {}).get("type", ""))


def _pin(package: Toml) -> Pin:
    name, version, source = str(package["name"]), str(package["version"]), package.get("source", {})
    url = str(source.get("url", ""))
    match _source(package):
        case "git":
            folder = f"#subdirectory={source['subdirectory']}" if source.get("subdirectory") else ""
            return Pin(
                name, f" @ git+{url}@{source.get('resolved_reference', source.get('reference', 'HEAD'))}{folder}"
            )
        case "directory":
            return Pin("", f"{'-e ' if package.get('develop') else ''}./{url.removeprefix('./')}")
        case "file":
            return Pin("", f"./{url.removeprefix('./')}", _hashes(package))
        case "url":
            return Pin(name, f" @ {url}", _hashes(package))
        case _:
            return Pin(name, f"=={version}", _hashes(package))


def _hashes(package: Toml) -> tuple[str, ...]:
    return tuple(str(file["hash"]) for file in package.get("files", []))
