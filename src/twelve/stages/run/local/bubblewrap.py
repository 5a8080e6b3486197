"""The first choice: a root of its own with the slug at /app under an ephemeral overlay, private /tmp and PID space.

Only what is bound exists inside. The options go over a descriptor, so no value shows in anyone's process list.
"""

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from twelve.core.model import ProcessSpec
from twelve.core.policy.limits import limits
from twelve.stages.run.local.spawn import ARGUMENTS_FD, STATUS_FD, Command, Start, Streams, spawn
from twelve.stages.run.local.tree import ID_VARIABLE

HOME = Path("/app")
USER = 1000
SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64")
ETC_FILES = ("hosts", "nsswitch.conf", "localtime", "resolv.conf", "ld.so.cache", "services", "protocols", "mime.types")
ETC_TREES = (
    "ssl/certs",
    "ssl/openssl.cnf",
    "pki/tls/certs",
    "pki/ca-trust/extracted",
    "ca-certificates",
    "alternatives",
)
ACCOUNTS = {
    "passwd": f"root:x:0:0:root:/root:/bin/sh\napp:x:{USER}:{USER}::{HOME}:/bin/sh\n",
    "group": f"root:x:0:\napp:x:{USER}:\n",
}


class Bubblewrap:
    name = "bwrap"

    def __init__(self, program: Path, directory: Path) -> None:
        """`directory` is ours: the /etc that processes see is put together there."""
        self._program = program
        self._etc = directory / "etc"
        self._system: tuple[str, ...] = ()
        self._refreshing = threading.Lock()

    def home(self, place: Path) -> Path:  # noqa: ARG002 - the same everywhere inside
        return HOME

    def prepare(self, spec: ProcessSpec, place: Path) -> None:
        """Nothing to copy: the overlay is made at the start."""

    def refresh(self) -> None:
        """The machine as it is now: its directories, name service and certificates, in one /etc to bind."""
        with self._refreshing:
            self._system = tuple(_system())
            self._etc.mkdir(mode=0o755, parents=True, exist_ok=True)
            for name, text in ACCOUNTS.items():
                if not (self._etc / name).exists():
                    (self._etc / name).write_text(text)
            for name in (*ETC_FILES, *ETC_TREES):
                _follow(Path("/etc") / name, self._etc / name)

    def start(self, spec: ProcessSpec, place: Path, env: Mapping[str, str], argv: Sequence[str]) -> Start:  # noqa: ARG002
        options = [*self._root(spec), *_namespaces(spec), *_environment(env), "--json-status-fd", str(STATUS_FD)]
        return Start(
            argv=(str(self._program), "--args", str(ARGUMENTS_FD), "--", *argv),
            env={ID_VARIABLE: str(spec.id)},
            arguments="\0".join([*options, ""]).encode(),
        )

    def spawn(self, start: Start, streams: Streams, status_file: Path) -> Callable[[], int]:
        pid = spawn(start, streams, status_file)
        return lambda: pid

    def close(self) -> None:
        """Nothing of ours runs beside the sandboxes."""

    def inside(self, init: int, place: Path, env: Mapping[str, str], argv: Sequence[str]) -> Command:  # noqa: ARG002
        """A command in the namespaces of the app, with its environment."""
        enter = [shutil.which("nsenter") or "nsenter", "-t", str(init), "-U", "--preserve-credentials"]
        line = ["-m", "-p", "-i", "-u", "--", "/bin/sh", "-c", f'cd {HOME} && exec "$@"', "sh", *argv]
        return Command((*enter, *line), env)

    def granted(self) -> bool:
        """Whether this machine lets us: user namespaces may be off, and overlays in them need a kernel from 5.11 on."""
        probe = [*_system(), "--proc", "/proc", "--dev", "/dev", "--overlay-src", "/usr/share", "--tmp-overlay", "/app"]
        command = [
            str(self._program),
            *probe,
            "--unshare-user",
            "--unshare-pid",
            "--",
            "/bin/sh",
            "-c",
            ": >/app/probe",
        ]
        try:
            return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False

    def _root(self, spec: ProcessSpec) -> Iterator[str]:
        yield from self._system or _system()
        yield from ("--ro-bind", str(self._etc), "/etc", "--proc", "/proc", "--dev", "/dev")
        yield from ("--size", str(limits(spec.size).quota), "--tmpfs", "/tmp")  # noqa: S108 - inside
        for path in spec.slug.binds:
            if not path.startswith("/usr/"):
                yield from ("--ro-bind", path, path)
        for layer in spec.slug.layers:
            yield from ("--overlay-src", str(layer.path))
        yield from ("--tmp-overlay", str(HOME), "--chdir", str(HOME))


def _system() -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for name in SYSTEM:
        path = Path("/") / name
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))


def _namespaces(spec: ProcessSpec) -> Iterator[str]:
    yield from ("--unshare-user", "--uid", str(USER), "--gid", str(USER), "--cap-drop", "ALL")
    yield from ("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", spec.name.replace(".", "-"))
    if spec.attached:  # nobody is left to talk to it; all others outlive the server
        yield "--die-with-parent"


def _environment(env: Mapping[str, str]) -> Iterator[str]:
    yield "--clearenv"
    for key, value in env.items():
        yield from ("--setenv", key, value)


def _follow(source: Path, copy: Path) -> None:
    """Copy a file or a tree of links when it changed."""
    try:
        stamp = source.stat().st_mtime_ns
        if copy.exists() and copy.stat().st_mtime_ns == stamp:
            return
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(source, copy, symlinks=True, ignore_dangling_symlinks=True)
        else:
            shutil.copy2(source, copy.with_name(f".{copy.name}"))
            copy.with_name(f".{copy.name}").replace(copy)
    except OSError:
        return  # not on this machine, or not for us to read: the app does without
