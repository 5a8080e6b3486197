"""uv.lock -> the packages a Python would get: a walk from the project through the edges whose markers hold.

uv installs by itself; this only tells which packages those are, before there is an environment.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import InitVar, dataclass, field
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.version import Version

from twelve.stages.build.requirements import marker_environment

Toml = Mapping[str, Any]
LOCAL = frozenset({"virtual", "editable", "directory"})  # the project itself, and members of its workspace


def chosen(lock: Toml, python: Version) -> list[Toml]:
    """The packages behind the projects of the codebase, without development groups and extras nobody asked for."""
    packages = [package for package in lock.get("package", []) if "name" in package]
    walk = Walk(packages, marker_environment(python))
    for package in packages:
        if LOCAL & package.get("source", {}).keys():
            walk.visit({"name": package["name"]})
    return [package for package in packages if _key(package) in walk.met]


@dataclass(slots=True)
class Walk:
    """`met` holds the packages found so far, by name and version; `_seen` also tells with which extra."""

    packages: InitVar[list[Toml]]
    environment: dict[str, str]
    met: set[tuple[str, str]] = field(default_factory=set)
    _seen: set[tuple[str, str, str]] = field(default_factory=set)
    _by_name: dict[str, list[Toml]] = field(default_factory=dict)

    def __post_init__(self, packages: list[Toml]) -> None:
        for package in packages:
            self._by_name.setdefault(package["name"], []).append(package)

    def visit(self, edge: Toml) -> None:
        if not self._holds(str(edge.get("marker", ""))):
            return
        for package in self._by_name.get(edge["name"], []):
            if edge.get("version") in {None, package.get("version")}:
                for extra in ("", *edge.get("extra", ())):
                    self._enter(package, extra)

    def _enter(self, package: Toml, extra: str) -> None:
        seen = (*_key(package), extra)
        if seen not in self._seen:
            self._seen.add(seen)
            self.met.add(_key(package))
            for edge in _behind(package, extra):
                self.visit(edge)

    def _holds(self, marker: str) -> bool:
        try:
            return not marker or Marker(marker).evaluate(self.environment)
        except InvalidMarker:
            return True  # uv will say what is wrong with it


def _behind(package: Toml, extra: str) -> Iterable[Toml]:
    if extra:
        return _edges(package.get("optional-dependencies", {}).get(extra, []))
    return _edges(package.get("dependencies", []))


def _edges(found: Iterable[Toml]) -> Iterator[Toml]:
    yield from (edge for edge in found if "name" in edge)


def _key(package: Toml) -> tuple[str, str]:
    return str(package["name"]), str(package.get("version", ""))
