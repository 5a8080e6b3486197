"""Makes .venv from uv.lock with nothing but the standard library: finds or downloads the pinned uv, then `uv sync`.

Safe when several run at once: the later ones wait for the first and then find the work done.
"""

import argparse
import fcntl
import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent
LOCK = HERE / "uv.lock"
VENV = HERE / ".venv"
STAMP = VENV / "stamp"
PLATFORM_FAILED = 80  # the exit code of core/errors.py for "cannot run here"


class CannotSetUp(Exception):
    """One sentence for the person who waits."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Make or refresh .venv.")
    parser.add_argument("--dev", action="store_true", help="with what the tests and checks need")
    wants_dev = parser.parse_args().dev
    try:
        with LOCK.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done(lock_digest(), dev=wants_dev):
                make(dev=wants_dev or stamped()[2:3] == ["dev"])
    except CannotSetUp as error:
        print(f"twelve: {error}", file=sys.stderr)
        return PLATFORM_FAILED
    except OSError as error:
        print(f"twelve: {error.strerror}: {error.filename or HERE}. Is this checkout yours?", file=sys.stderr)
        return PLATFORM_FAILED
    except KeyboardInterrupt:
        return 130
    return 0


def stamped() -> list[str]:
    """The checkout's path, the lock's digest, and "dev" or "run", as of the last time this program finished."""
    try:
        return STAMP.read_text().splitlines()
    except OSError:
        return []


def lock_digest() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def done(digest: str, *, dev: bool) -> bool:
    stamp = stamped()
    if stamp[:2] != [str(HERE), digest] or not (VENV / "bin" / "python").exists() or (dev and stamp[2] != "dev"):
        return False
    STAMP.touch()  # the lock's content is what counts; ./twelve compares times
    return True


def make(*, dev: bool) -> None:
    began = time.monotonic()
    say("Setting up twelve's own environment in .venv (once; uv.lock tells what goes in)")
    digest = lock_digest()
    if stamped() and stamped()[0] != str(HERE):
        shutil.rmtree(VENV)
    with tempfile.TemporaryDirectory(prefix="twelve-uv-") as scratch:
        uv = find_uv(Path(scratch))
        sync(uv, dev=dev)
    compile_server()
    staging = STAMP.with_name("stamp.new")
    staging.write_text(f"{HERE}\n{digest}\n{'dev' if dev else 'run'}\n")
    staging.replace(STAMP)
    say(f"Ready after {time.monotonic() - began:.1f} s")


def sync(uv: Path, *, dev: bool) -> None:
    command = [uv, "sync", "--frozen", "--all-packages", "--compile-bytecode", "--python", base_python()]
    if not dev:
        command += ["--no-dev", "--inexact"]  # inexact: an environment somebody made for development stays one
    if not sys.stderr.isatty():
        command.append("--quiet")
    env = {
        key: value
        for key, value in os.environ.items()
        if key not in {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON"}
    }
    env.setdefault("UV_SYSTEM_CERTS", "1")  # what this machine trusts, not what uv was built with
    result = subprocess.run(command, cwd=HERE, env=env, check=False)
    if result.returncode != 0:
        raise CannotSetUp(
            "the Python packages of uv.lock could not be installed (see above): is the network reachable?"
        )


def compile_server() -> None:
    """Bytecode without docstrings, which it runs on: else its first start would make it, and tell what fails here."""
    command = [VENV / "bin" / "python", "-I", "-OO", "-c", "import twelve.wiring, twelve.faces.api.server"]
    subprocess.run(command, cwd=HERE, stderr=subprocess.DEVNULL, check=False)


def base_python() -> str:
    """The interpreter itself, also when this program runs in somebody's virtual environment."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def find_uv(scratch: Path) -> Path:
    package = locked("uv")
    version = package["version"]
    for candidate in (VENV / "bin" / "uv", shutil.which("uv")):
        if candidate and uv_version(candidate) == version:
            return Path(candidate)
    say(f"Getting uv {version}")
    wheel = download(best_wheel(package["wheels"]), version, scratch)
    return unpack(wheel, scratch)


def uv_version(uv: str | Path) -> str | None:
    try:
        words = subprocess.run([uv, "--version"], capture_output=True, text=True, check=False).stdout.split()
    except OSError:
        return None
    return words[1] if len(words) > 1 else None


def locked(name: str) -> dict[str, Any]:
    with LOCK.open("rb") as file:
        packages = tomllib.load(file)["package"]
    return next(package for package in packages if package["name"] == name)


def best_wheel(wheels: list[dict[str, Any]]) -> dict[str, Any]:
    """The wheel for this machine's processor and C library."""
    machine = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    libc = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    for wheel in wheels:
        tag = wheel["url"].rpartition("/")[2]
        if libc in tag and f"_{machine}." in tag:
            return wheel
    raise CannotSetUp(f"uv has no wheel for {platform.system()} on {machine}, so twelve cannot set itself up here.")


def download(wheel: dict[str, Any], version: str, scratch: Path) -> bytes:
    try:
        data = fetch(wheel["url"])
    except OSError as error:  # URLError, timeouts, refused connections
        data = download_with_pip(version, scratch, error)
    digest = hashlib.sha256(data).hexdigest()
    if f"sha256:{digest}" != wheel["hash"]:
        raise CannotSetUp(f"the download of uv {version} has another sha256 than uv.lock says, so it was not used.")
    return data


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return bytes(answer.read())


def download_with_pip(version: str, scratch: Path, reason: OSError) -> bytes:
    """pip knows this machine's mirrors and certificates; many machines have none."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--dest",
        scratch,
    ]
    result = subprocess.run([*command, f"uv=={version}"], capture_output=True, text=True, check=False)
    wheels = list(scratch.glob("uv-*.whl"))
    if result.returncode != 0 or not wheels:
        why = getattr(reason, "reason", reason)
        raise CannotSetUp(
            f"the first start downloads its tools, and that failed ({why}): connect to a network once and try again."
        )
    return wheels[0].read_bytes()


def unpack(wheel: bytes, scratch: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        uv = scratch / "uv"
        uv.write_bytes(archive.read(member))
    uv.chmod(0o700)
    return uv


def say(text: str) -> None:
    print(f"-----> {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
