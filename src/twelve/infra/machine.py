"""What this machine can do for twelve: each probe tries the thing itself, quickly, and changes nothing."""

import re
import shutil
import subprocess
from pathlib import Path

from twelve.infra import components

PATIENCE = 10.0


def namespaces_work() -> bool:
    """A process in namespaces of its own, as the sandbox has them."""
    return _bubblewrap("--ro-bind", "/", "/", "--proc", "/proc")


def overlay_works() -> bool:
    """A directory whose changes vanish, laid over a read-only one."""
    return _bubblewrap("--ro-bind", "/", "/", "--overlay-src", "/usr", "--tmp-overlay", "/usr")


def _bubblewrap(*mounts: str) -> bool:
    argv = [components.bubblewrap(), *mounts, "--unshare-user", "--unshare-pid", "--unshare-ipc", "/bin/true"]
    return _output(*map(str, argv)) is not None


def landlock_version() -> int:
    """The kernel's Landlock ABI; 0 without it."""
    from landlockpy import abi_version  # noqa: PLC0415 - only the doctor asks

    return int(abi_version())


def available_memory() -> int:
    """In MiB: what programs could still get."""
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return int(fields["MemAvailable"].split()[0]) // 1024


def free_disk(directory: Path) -> int:
    """In MiB: what we may still write where `directory` is, or will be."""
    while not directory.exists():
        directory = directory.parent
    return shutil.disk_usage(directory).free // (1024 * 1024)


def version_of(tool: str) -> str | None:
    """What `tool --version` says, or None when it is not here or does not work."""
    said = _output(tool, "--version")
    number = re.search(r"\d+(?:\.\d+)+", said or "")
    return number[0] if number else None


def _output(*argv: str) -> str | None:
    try:
        result = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout if result.returncode == 0 else None
