"""How many packages of a lock a Python would have to compile: those the lock has no wheel for.

Where a codebase leaves it open which Python it gets, this decides: a lock of 2022 holds wheels for the Pythons of 2022.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain

from packaging import tags
from packaging.tags import Tag
from packaging.version import Version

from twelve.core.errors import BadManifest
from twelve.stages.build import poetry_lock, uv_lock
from twelve.stages.build.python_project import Project

NEVER = 1 << 30  # the lock holds nothing for that Python


def compiled_by(project: Project) -> Callable[[Version], int] | None:
    """A Python's number of packages to compile; None where the lock does not tell which wheels there are."""
    match project.file:
        case "uv.lock":
            return partial(_of_uv, project)
        case "poetry.lock":
            return partial(_of_poetry, project)
    return None


def without_wheel(packages: Iterable[Iterable[str]], python: Version) -> int:
    """How many of the packages, each given by the names of its files, have no wheel for that Python on this machine."""
    supported = _supported(python.major, python.minor)
    return sum(supported.isdisjoint(chain.from_iterable(map(_tags, files))) for files in packages)


def _of_uv(project: Project, python: Version) -> int:
    return without_wheel(map(_uv_files, uv_lock.chosen(project.lock, python)), python)


def _uv_files(package: uv_lock.Toml) -> Iterator[str]:
    for wheel in package.get("wheels", []):
        yield str(wheel.get("filename") or wheel.get("url") or wheel.get("path", "")).rpartition("/")[2]


def _of_poetry(project: Project, python: Version) -> int:
    try:
        found = poetry_lock.chosen(project.lock, project.pyproject, python)
    except BadManifest:
        return NEVER
    return without_wheel(([str(file.get("file", "")) for file in package["files"]] for package in found), python)


def _tags(file: str) -> frozenset[Tag]:
    name, dot, _ = file.rpartition(".whl")
    parts = name.split("-")  # name, version, perhaps a build number, Python, ABI, platform
    return tags.parse_tag("-".join(parts[-3:])) if dot and len(parts) in {5, 6} else frozenset()


@functools.cache
def _supported(major: int, minor: int) -> frozenset[Tag]:
    here = list(tags.platform_tags())
    cpython = tags.cpython_tags((major, minor), abis=[f"cp{major}{minor}"], platforms=here)
    return frozenset([*cpython, *tags.compatible_tags((major, minor), f"cp{major}{minor}", here)])
