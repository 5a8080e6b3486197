"""The Python interpreters at hand, by full path, and which of them a codebase asks for. Nothing is ever downloaded."""

import contextlib
import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

_NAME = re.compile(r"python3\.\d+")
_PROBE = """import json, platform, sys
print(json.dumps([platform.python_version(), sys.implementation.name, sys.base_prefix, sys._base_executable]))"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """`prefix` is the directory a process must see for it to work."""

    version: Version
    path: Path
    prefix: Path

    @property
    def binds(self) -> tuple[str, ...]:
        """Host directories to make visible: none where /usr holds it all."""
        return () if self.prefix.is_relative_to("/usr") else (os.fspath(self.prefix),)


def own() -> Interpreter:
    """The one twelve runs on."""
    path = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    version = Version(".".join(map(str, sys.version_info[:3])))
    return Interpreter(version, path, Path(os.path.realpath(sys.base_prefix)))


def at_hand() -> tuple[Interpreter, ...]:
    """Every CPython found, newest first, each version once; each is asked once in the life of a server."""
    with ThreadPoolExecutor(4) as pool:
        found = [*pool.map(_asked, sorted(set(_candidates()))), own()]
    by_version = {interpreter.version: interpreter for interpreter in found if interpreter}
    return tuple(by_version[version] for version in sorted(by_version, reverse=True))


def versions(interpreters: Iterable[Interpreter]) -> str:
    return ", ".join(str(interpreter.version) for interpreter in interpreters)


def _candidates() -> Iterator[Path]:
    for directory in _directories():
        with contextlib.suppress(OSError):  # absent, or not ours to read
            yield from [
                Path(os.path.realpath(path))
                for path in directory.iterdir()
                if _NAME.fullmatch(path.name) and path.is_file()
            ]


def _directories() -> Iterator[Path]:
    """Where interpreters are installed. A version manager's shims are no interpreters: its versions are looked at."""
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    managed = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local/share/uv/python")
    for roots in (
        pyenv / "versions",
        managed,
        home / ".local/share/mise/installs/python",
        home / ".asdf/installs/python",
    ):
        with contextlib.suppress(OSError):
            yield from list(roots.glob("*/bin"))
    yield from Path("/opt").glob("python*/bin")
    yield from (Path("/usr/local/bin"), Path("/usr/bin"))
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        if entry and "shims" not in Path(entry).parts and not _is_there(Path(entry).parent / "pyvenv.cfg"):
            yield Path(entry)


def _is_there(path: Path) -> bool:
    """Not so where we may not look."""
    try:
        return path.exists()
    except OSError:
        return False


def _asked(path: Path) -> Interpreter | None:
    return _probe(path, path.stat().st_mtime_ns)


@functools.cache
def _probe(path: Path, _changed: int) -> Interpreter | None:
    try:
        asked = subprocess.run([path, "-I", "-c", _PROBE], capture_output=True, check=True, timeout=10)
        version, implementation, prefix, executable = json.loads(asked.stdout)
        if implementation != "cpython":
            return None
        return Interpreter(Version(version), Path(os.path.realpath(executable)), Path(os.path.realpath(prefix)))
    except (OSError, subprocess.SubprocessError, ValueError, InvalidVersion):
        return None
