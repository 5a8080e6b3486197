"""Git, asked only what needs none of the programs that a repository's own configuration or attributes can name.

Only the index, trees and blobs are read: no diff, no filter, no hook, no monitor, no fetch of what is missing.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

SECONDS = 60
_GIT = (
    "git", "--no-pager", "--literal-pathspecs",
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.untrackedCache=false",
    "-c", "protocol.allow=never", "-c", "safe.directory=*",
)  # fmt: skip
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


def is_inside(root: Path) -> bool:
    """Whether `root` is a repository or lies in one."""
    whole = root.absolute()
    return any((directory / ".git").exists() for directory in (whole, *whole.parents))


def names(root: Path, *question: str) -> list[str] | None:
    """What git lists below `root`, NUL between them; None when it does not say: it is missing, or refuses."""
    output = asked(root, *question)
    return None if output is None else [os.fsdecode(name) for name in output.split(b"\0") if name]


def asked(root: Path, *question: str, given: bytes = b"") -> bytes | None:
    try:
        done = subprocess.run(
            [*_GIT, "-C", str(root), *question],
            env=_environment(), input=given, capture_output=True, check=True, timeout=SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def blobs(root: Path, ids: Sequence[str]) -> dict[str, bytes]:
    """The contents of blobs, by their id; without those that are missing."""
    output = asked(root, "cat-file", "--batch", given="".join(f"{one}\n" for one in ids).encode()) or b""
    found, at = {}, 0
    while (end := output.find(b"\n", at)) >= 0:
        words = output[at:end].split()
        at = end + 1
        if len(words) == 3:
            size = int(words[2])
            found[words[0].decode()] = output[at : at + size]
            at += size + 1
    return found


def _environment() -> dict[str, str]:
    """Without GIT_DIR and its kin: inside of a hook these name another repository's parts."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _ENVIRONMENT
