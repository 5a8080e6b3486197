"""Where bubblewrap is refused: the app in a copy of its own, removed at its end, kept in by Landlock where there is.

There is no overlay and no /app here: the app layers are copied, dependency layers are linked into the copy, and /app in
the environment becomes the copy's path.
"""

import marshal
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from twelve.core.model import Layer, ProcessSpec
from twelve.infra.files import copy_tree
from twelve.stages.run.local.spawn import Command, Start, Streams
from twelve.stages.run.local.starter import Starter
from twelve.stages.run.local.tree import ID_VARIABLE

READABLE = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc",
    "/proc",
    "/sys/fs/cgroup",
    "/run/systemd/resolve",
)
WRITABLE = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts", "/dev/shm")  # fmt: skip # noqa: S108, E501 - devices
_APP_PATH = re.compile(r"(?<![^:=\s])/app(?=[/:\s]|$)")
APP, TEMPORARY = "app", "tmp"


class Copied:
    def __init__(self, *, landlock: bool) -> None:
        self.name = "landlock" if landlock else "none"
        self._landlock = landlock
        self._starter = Starter(_packages() if landlock else "")

    def granted(self) -> bool:
        if not self._landlock:
            return True
        import landlockpy  # noqa: PLC0415 - only asked for where bubblewrap is refused

        return bool(landlockpy.supported())

    def home(self, place: Path) -> Path:
        return place / APP

    def refresh(self) -> None:
        """Processes see the machine's own /etc."""
        self._starter.ensure()

    def prepare(self, spec: ProcessSpec, place: Path) -> None:
        """A fresh copy for each start: what the life before has written is gone."""
        remove(place / APP)
        remove(place / TEMPORARY)
        (place / TEMPORARY).mkdir()
        (place / APP).mkdir()
        for layer in spec.slug.layers:
            _lay(layer, place / APP)

    def start(self, spec: ProcessSpec, place: Path, env: Mapping[str, str], argv: Sequence[str]) -> Start:
        home = place / APP
        work = {
            "argv": list(argv),
            "env": _moved(env, home) | {"TMPDIR": str(place / TEMPORARY)},
            "cwd": str(home),
            "landlock": self._landlock,
            "read": [*READABLE, *spec.slug.binds, *(str(layer.path) for layer in spec.slug.layers)],
            "write": [*WRITABLE, str(home), str(place / TEMPORARY), str(place / "output")],
        }
        return Start(argv=(), env={ID_VARIABLE: str(spec.id)}, arguments=marshal.dumps(work))

    def spawn(self, start: Start, streams: Streams, status_file: Path) -> Callable[[], int]:
        return self._starter.spawn(start, streams, status_file)

    def close(self) -> None:
        self._starter.close()

    def inside(self, init: int, place: Path, env: Mapping[str, str], argv: Sequence[str]) -> Command:  # noqa: ARG002
        """A command in the app's directory, with its environment."""
        return Command(tuple(argv), _moved(env, place / APP), place / APP)


def _moved(env: Mapping[str, str], home: Path) -> dict[str, str]:
    return {key: _APP_PATH.sub(str(home), value) for key, value in env.items()}


def remove(tree: Path) -> None:
    """Also one whose directories cannot be written."""
    if tree.is_dir():
        for directory in [tree, *(path for path in tree.rglob("*") if path.is_dir() and not path.is_symlink())]:
            directory.chmod(0o700)
        shutil.rmtree(tree)


def _lay(layer: Layer, home: Path) -> None:
    if layer.kind == "dependencies":
        for entry in layer.path.iterdir():
            (home / entry.name).symlink_to(entry)
    else:
        copy_tree(layer.path, home)


def _packages() -> str:
    """Found, not imported: the server itself has no use for it."""
    found = find_spec("landlockpy")
    return str(Path(found.origin).parent.parent) if found and found.origin else ""
