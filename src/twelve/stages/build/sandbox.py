"""Where build commands run: in bubblewrap, with the codebase at /app, and nothing of the host's environment or secrets.

Where the machine refuses bubblewrap they run as plain processes with the same clean environment, and the build says so.
"""

import functools
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from twelve.core.errors import BuildError
from twelve.infra import components

APP = "/app"
HOME = "/tmp/home"  # noqa: S108 - inside the sandbox, where /tmp is private
TIME_LIMIT = 15 * 60.0
MERGED = ("bin", "sbin", "lib", "lib32", "lib64")
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
FROM_ETC = (
    "ssl", "pki", "ca-certificates", "ca-certificates.conf", "passwd", "group", "resolv.conf", "hosts", "nsswitch.conf",
    "localtime", "alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "fonts", "mime.types", "services",
    "protocols",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Job:
    """One command. `app` is the host's directory that is /app; `visible` host paths are read-only at the same place,
    `writable` ones (package caches) not; `over` are finished layers' directories by their name under /app, whose
    changes are thrown away; `home_files` are put into the private home directory, read-only."""

    argv: Sequence[str]
    app: Path
    env: Mapping[str, str]
    network: bool = False
    visible: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    over: Mapping[str, Path] = field(default_factory=dict)
    home_files: Mapping[str, Path] = field(default_factory=dict)


class Sandbox:
    """`plain` forces plain processes; None finds out, once a process, whether bubblewrap works here."""

    def __init__(self, *, plain: bool | None = None) -> None:
        self.plain = not bubblewrap_works() if plain is None else plain

    def root(self, app: Path) -> str:
        """The path a command sees the codebase at."""
        return os.fspath(app) if self.plain else APP

    def run(self, job: Job, output: Callable[[str], None]) -> int:
        """Run to the end, each line of output as it comes; gives the exit status, negative for a signal."""
        argv = list(job.argv) if self.plain else [*bubblewrap_arguments(job), *job.argv]
        return _stream(argv, dict(job.env), job.app if self.plain else None, output)


def bubblewrap_arguments(job: Job) -> list[str]:
    """Pure: the bwrap command line in front of the job's own."""
    over = [
        part
        for name, layer in job.over.items()
        for part in ("--overlay-src", os.fspath(layer), "--tmp-overlay", f"{APP}/{name}")
    ]
    return [
        os.fspath(components.bubblewrap()),
        *_system(),
        *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", HOME),  # noqa: S108 - the sandbox's own
        *("--bind", os.fspath(job.app), APP),
        *over,
        *(part for path in job.visible for part in ("--ro-bind-try", os.fspath(path), os.fspath(path))),
        *(part for path in job.writable for part in ("--bind", os.fspath(path), os.fspath(path))),
        *(
            part
            for name, path in job.home_files.items()
            for part in ("--ro-bind-try", os.fspath(path), f"{HOME}/{name}")
        ),
        *("--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-pid", "--unshare-ipc", "--unshare-uts"),
        *("--unshare-cgroup-try", "--hostname", "build", "--cap-drop", "ALL", "--new-session", "--die-with-parent"),
        *(() if job.network else ("--unshare-net",)),
        *("--chdir", APP, "--"),
    ]


@functools.cache
def _system() -> tuple[str, ...]:
    """The machine's programs and libraries, read-only: /usr, and /bin and its like as they are here."""
    parts = ["--ro-bind", "/usr", "/usr"]
    for name in MERGED:
        path = Path("/", name)
        if path.is_symlink():
            parts += ["--symlink", os.fspath(path.readlink()), f"/{name}"]
        elif path.is_dir():
            parts += ["--ro-bind", f"/{name}", f"/{name}"]
    for name in FROM_ETC:
        parts += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return tuple(parts)


@functools.cache
def bubblewrap_works() -> bool:
    """Tried once: user namespaces may be off, or the overlay a build needs may be missing."""
    over = ("--dir", APP, "--overlay-src", "/usr/share", "--tmp-overlay", APP)
    argv = [
        os.fspath(components.bubblewrap()),
        *_system(),
        *over,
        "--unshare-user",
        "--unshare-pid",
        "--unshare-net",
        "true",
    ]
    try:
        return subprocess.run(argv, capture_output=True, check=False, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _stream(argv: list[str], env: dict[str, str], directory: Path | None, output: Callable[[str], None]) -> int:
    with subprocess.Popen(
        argv,
        cwd=directory,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None  # it is a pipe
        limit = threading.Timer(TIME_LIMIT, _kill, (process.pid,))
        limit.start()
        try:
            for line in process.stdout:
                output(_readable(line))
            status = process.wait()
        except BaseException:
            _kill(process.pid)
            raise
        finally:
            in_time = limit.is_alive()
            limit.cancel()
    if not in_time:
        raise BuildError(f"The build took longer than {TIME_LIMIT / 60:.0f} minutes and was ended.")
    return status


def _readable(line: bytes) -> str:
    """The last state of a line that redraws itself, without colours."""
    text = line.decode(errors="replace").rstrip("\r\n").rpartition("\r")[2]
    return _COLOURS.sub("", text).rstrip()


def _kill(pid: int) -> None:
    """The whole session; bubblewrap takes everything inside it along."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
