"""The directory of the embedded PostgreSQL: created whole or not at all, never deleted, refused in one sentence."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from twelve.core.errors import CorruptState, DiskFull, PlatformError
from twelve.infra import procfs
from twelve.infra.components import postgres_bin

MAJOR = "18"
NOBODY = "65534"  # has a passwd entry on every system, which initdb insists on
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def as_postgres() -> list[str]:
    """PostgreSQL refuses root: a user namespace shows it another number, while the files stay root's."""
    return ["unshare", "-U", f"--map-user={NOBODY}"] if os.geteuid() == 0 else []


def create(directory: Path, superuser: str, password: str) -> None:
    """initdb beside its place, then one rename: a crash on the way leaves nothing that could be taken for a cluster."""
    for abandoned in directory.parent.glob(f".{directory.name}.new-*"):
        _give_up(abandoned)
    staging = directory.with_name(f".{directory.name}.new-{secrets.token_hex(4)}")
    staging.mkdir(mode=0o700)
    options = ["-E", "UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-instructions", "--auth=scram-sha-256"]
    result = subprocess.run(
        [*as_postgres(), postgres_bin() / "initdb", "-D", staging, "-U", superuser, *options, "--pwfile=/dev/stdin"],
        cwd=staging,
        env=ENVIRONMENT,
        input=f"{password}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        shutil.rmtree(staging, ignore_errors=True)
        raise failure("The PostgreSQL data directory could not be made", result.stderr.splitlines())
    staging.rename(directory)


def _give_up(staging: Path) -> None:
    """Its initdb outlives the server that began it and was killed."""
    while writing := procfs.working_in(staging):
        for pid in writing:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    shutil.rmtree(staging)


def check(directory: Path) -> None:
    """Refuse what is no cluster of this major version. Nothing is ever repaired or removed here."""
    version = directory / "PG_VERSION"
    try:
        found = version.read_text().strip()
    except OSError:
        raise CorruptState(
            f"{directory} is not a PostgreSQL data directory: PG_VERSION is missing.",
            hint="Restore it from a backup, or move it away to begin with an empty one.",
        ) from None
    if found != MAJOR:
        raise CorruptState(
            f"{directory} was written by PostgreSQL {found or '?'}, and this is {MAJOR}.",
            hint="Use the twelve that wrote it to dump it, or move it away to begin with an empty one.",
        )


def claim(directory: Path) -> None:
    """Called when no server of ours runs: one that does is a stranger, and a lock that names somebody else is stale."""
    users = [pid for pid in procfs.working_in(directory) if Path(procfs.executable(pid)).name == "postgres"]
    if users:
        raise CorruptState(
            f"Process {users[0]} uses {directory} already, and this platform did not start it.", hint="Stop it first."
        )
    (directory / "postmaster.pid").unlink(missing_ok=True)  # its number may be another program's now, or a zombie's


def failure(what: str, lines: list[str] | tuple[str, ...]) -> PlatformError:
    """The error that PostgreSQL's last lines tell of."""
    log = tuple(lines[-10:])
    telling = [line for line in log if any(word in line for word in ("FATAL", "PANIC", "error:", "could not"))]
    reason = (telling or [*log[-1:], "it said nothing"])[0].partition("] ")
    if any("No space left on device" in line for line in log):
        return DiskFull(f"{what}: the disk is full.", log=log)
    return PlatformError(f"{what}: {(reason[2] or reason[0]).strip().rstrip('.')}.", log=log)


def settings(**extra: str) -> list[str]:
    """Small while idle: few helpers, buffers touched only when used; and no statement text in the log."""
    chosen: Mapping[str, str] = {
        "max_connections": "200",
        "reserved_connections": "30",
        "superuser_reserved_connections": "5",
        "shared_buffers": "32MB",
        "io_method": "sync",
        "max_logical_replication_workers": "0",
        "max_wal_senders": "3",
        "max_wal_size": "256MB",
        "min_wal_size": "32MB",
        "autovacuum_naptime": "60s",
        "logging_collector": "off",
        "log_destination": "stderr",
        "log_checkpoints": "off",
        "log_line_prefix": "[%p] ",
        "log_min_error_statement": "panic",
        **extra,
    }
    return [part for key, value in chosen.items() for part in ("-c", f"{key}={value}")]
