"""Locks of other tools as a requirements file for uv: one exact version a line, with the hashes the lock holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.markers import default_environment
from packaging.version import Version

PYPI = ("https://pypi.org/simple", "https://pypi.python.org/simple")


@dataclass(frozen=True, slots=True)
class Pin:
    """`reference` is "==1.2.3", " @ git+https://..." or a path with `name` left out."""

    name: str
    reference: str
    hashes: tuple[str, ...] = ()
    marker: str = ""

    def line(self) -> str:
        marker = f" ; {self.marker}" if self.marker else ""
        return " \\\n    ".join([f"{self.name}{self.reference}{marker}", *(f"--hash={one}" for one in self.hashes)])


@dataclass(frozen=True, slots=True)
class Locked:
    """What a lock says to install, and the package indexes it names besides PyPI."""

    pins: tuple[Pin, ...]
    indexes: tuple[str, ...] = ()

    @property
    def hashed(self) -> bool:
        """Whether every line can be checked; a git reference or a path cannot."""
        return bool(self.pins) and all(pin.hashes for pin in self.pins)

    def text(self) -> str:
        extra = [f"--extra-index-url {url}" for url in self.indexes]
        return "\n".join([*extra, *(pin.line() for pin in self.pins)]) + "\n"


def beside_pypi(urls: Iterable[str]) -> tuple[str, ...]:
    """The named indexes. One whose address waits for a variable cannot be used: a build has no config."""
    return tuple(dict.fromkeys(url for url in urls if url.rstrip("/") not in PYPI and "${" not in url))


def marker_environment(python: Version) -> dict[str, str]:
    """What markers are judged by: this machine, with the interpreter the app gets."""
    full = str(python)
    here: Mapping[str, str] = {key: str(value) for key, value in default_environment().items()}
    changes = {
        "python_full_version": full,
        "implementation_version": full,
        "python_version": f"{python.major}.{python.minor}",
        "extra": "",
    }
    return {**here, **changes}
