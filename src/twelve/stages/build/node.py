"""Node, by npm, pnpm or yarn, whichever the lock file belongs to: node_modules as a layer, and the `build` script."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from twelve.core.errors import BadManifest, BuildError, Where
from twelve.stages.build import node_tools, package_json
from twelve.stages.build.language import Runtime, file_digest
from twelve.stages.build.node_tools import Manager, Node
from twelve.stages.build.package_json import INSTALL_SCRIPTS, PackageJson
from twelve.stages.build.workshop import TAIL, Host, Workshop

TOOLS = ".twelve/node"
BESIDE_THE_LOCK = (".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml", ".pnpmfile.cjs", "prisma/schema.prisma")
NOT_REACHED = re.compile(r"ENOTFOUND|EAI_AGAIN|ENETUNREACH|ECONNREFUSED|getaddrinfo|fetch failed")
MANUAL = re.compile(r"npm (?:error|ERR!) (?:Clean install a project|Usage:|Options:)")
NOISE = re.compile(
    r"npm (?:error|ERR!|notice)?\s*$|npm warn (?:Unknown (?:user|env) config|allow-scripts|old lockfile)|npm notice |$"
)
STALE = re.compile(
    r"can only install packages when your package|frozen-lockfile|lockfile (?:would have been|needs to be)"
)


class Readable:
    """Leaves out the whole manual that npm prints below some errors, and its warnings about other tools' settings."""

    def __init__(self) -> None:
        self._manual = False

    def __call__(self, line: str) -> bool:
        self._manual = self._manual or bool(MANUAL.match(line))
        return not self._manual and not NOISE.match(line)


class NodeJs:
    name = "node"
    process_types: Mapping[str, str] = {}

    def __init__(self, tree: Path, package: PackageJson, host: Host, components: Path) -> None:
        self._tree = tree
        self._package = package
        self._host = host
        self._components = components
        self._node: Node = node_tools.choose(package)
        self._manager: Manager = node_tools.manager(tree, package)
        binaries = self._node.expected(components)
        tools = (f"/app/{TOOLS}/node_modules/.bin",) if self._manager.package else ()
        inside_usr = binaries.is_relative_to("/usr")
        self.runtime = Runtime(
            ("/app/node_modules/.bin", *tools, *(() if inside_usr else (os.fspath(binaries),))),
            {"NODE_ENV": "production", "NPM_CONFIG_UPDATE_NOTIFIER": "false"},
            () if inside_usr else (os.fspath(binaries.parent),),
        )

    @property
    def title(self) -> str:
        lock = f", dependencies from {self._manager.lock or 'package.json'}" if self._package.installs else ""
        return f"Node {self._node.version}{' from engines' if self._package.node else ''}{lock}"

    @property
    def ingredients(self) -> Mapping[str, str]:
        if not self._package.installs and not self._manager.package:
            return {}
        names = [self._manager.lock, *BESIDE_THE_LOCK, *_manifests(self._tree), *_below(self._tree, "patches")]
        found = {name: file_digest(self._tree / name) for name in names if name}
        if INSTALL_SCRIPTS & self._package.scripts.keys():  # they may read any file
            found |= {name: file_digest(self._tree / name) for name in _below(self._tree, "")}
        tool = self._manager.package or "npm"
        return {**found, "node": self._node.version, "tool": tool, "development": str(self._with_development)}

    @property
    def _with_development(self) -> bool:
        """The build script needs the development dependencies; they stay, the way they were tested."""
        return self._package.build_script is not None

    def equip(self) -> None:
        self._node.directory(self._components)

    def layer_names(self, tree: Path) -> Sequence[str]:
        return [*_modules(tree), *([TOOLS] if (tree / TOOLS).is_dir() else [])]

    def install(self, shop: Workshop) -> None:
        if not self._manager.lock:
            shop.progress.line("Note: there is no lock file; commit one to get the same versions each time.")
        if self._manager.package:
            self._run(shop, ["npm", "install", "--prefix", f"{shop.app}/{TOOLS}", "--no-save", self._manager.package])
        if self._package.installs:
            self._run(shop, self._install_command())

    def _install_command(self) -> list[str]:
        development, locked = self._with_development, bool(self._manager.lock)
        match self._manager:
            case Manager(name="pnpm"):
                frozen = ["--frozen-lockfile"] if locked else []
                return ["pnpm", "install", *frozen, f"--prod={str(not development).lower()}"]
            case Manager(name="yarn", berry=True):
                return ["yarn", "install", *(["--immutable"] if locked else [])]
            case Manager(name="yarn"):
                frozen = ["--frozen-lockfile"] if locked else []
                return ["yarn", "install", *frozen, "--non-interactive", f"--production={str(not development).lower()}"]
        which = "--include=dev" if development else "--omit=dev"
        return ["npm", "ci" if locked else "install", which, "--no-audit", "--no-fund", "--prefer-offline"]

    @property
    def has_products(self) -> bool:
        return self._package.build_script is not None

    def produce(self, shop: Workshop) -> None:
        """Without network first: what a build fetches is not in the lock. A build that cannot do without gets it."""
        command = [self._manager.name, "run", str(self._package.build_script)]
        shop.progress.step(f"Building: {' '.join(command)}")
        status, tail = self._attempt(shop, command, network=False)
        if status != 0 and any(NOT_REACHED.search(line) for line in tail):
            shop.progress.line("Note: the build script needs the network; running it again with it.")
            status, tail = self._attempt(shop, command, network=True)
        if status != 0:
            where = Where("package.json", _line_of(self._tree, f'"{self._package.build_script}"'))
            raise BuildError(f"`{' '.join(command)}` failed with status {status}.", where=where, log=tail[-TAIL:])

    def _run(self, shop: Workshop, command: list[str]) -> None:
        shop, path = self._prepared(shop)
        shop.run(
            command,
            env=self._env(),
            network=True,
            path=path,
            explain=lambda tail: self._explain(command, tail),
            worth_showing=Readable(),
        )

    def _attempt(self, shop: Workshop, command: list[str], *, network: bool) -> tuple[int, tuple[str, ...]]:
        shop, path = self._prepared(shop)
        return shop.attempt(command, env={**self._env(), "PYTHONDONTWRITEBYTECODE": "1"}, network=network, path=path)

    def _prepared(self, shop: Workshop) -> tuple[Workshop, tuple[str, ...]]:
        binaries = self._node.expected(self._components)
        tools = f"{shop.app}/{TOOLS}/node_modules/.bin"
        path = (f"{shop.app}/node_modules/.bin", tools, os.fspath(binaries))
        return shop.seeing(binaries.parent), path

    def _env(self) -> dict[str, str]:
        cache = self._host.cache
        pnpm = {  # a hard link would share the file with the store
            "NPM_CONFIG_STORE_DIR": os.fspath(cache / "pnpm"),
            "NPM_CONFIG_PACKAGE_IMPORT_METHOD": "copy",
        }
        return {
            **(pnpm if self._manager.name == "pnpm" else {}),
            "NODE_ENV": "production",
            "NODE_USE_SYSTEM_CA": "1",
            "NPM_CONFIG_CACHE": self._host.environ.get("NPM_CONFIG_CACHE") or os.fspath(cache / "npm"),
            "NPM_CONFIG_UPDATE_NOTIFIER": "false",
            "YARN_CACHE_FOLDER": os.fspath(cache / "yarn"),
            "YARN_NODE_LINKER": "node-modules",
            "YARN_ENABLE_GLOBAL_CACHE": "false",
            "YARN_ENABLE_TELEMETRY": "false",
            "NEXT_TELEMETRY_DISABLED": "1",
        }

    def _explain(self, command: list[str], tail: list[str]) -> BuildError:
        lock = self._manager.lock
        text = "\n".join(tail)
        if lock and STALE.search(text):
            return BadManifest(
                f"{lock} does not agree with package.json.",
                where=Where(lock),
                hint=f"Run `{self._manager.name} install` and commit {lock}.",
            )
        reason = next((line for line in tail if re.search(r"(?i)\b(err(or)?!?)\b.*\w{4}", line)), "")
        detail = re.sub(r"(?i)^\s*(npm )?(err(or)?!?)\s*", "", reason).strip().rstrip(".")
        said = f": {detail}" if detail else ""
        return BuildError(f"`{' '.join(command[:2])}` failed{said}.", where=Where(lock or "package.json"))


def detect(tree: Path, host: Host, components: Path) -> NodeJs | None:
    package = package_json.read(tree)
    if package is None:
        return None
    if (tree / "package-lock.json").is_file():
        package_json.load(tree / "package-lock.json")  # npm calls a broken lock an old one; this says where it breaks
    return NodeJs(tree, package, host, components)


def _modules(tree: Path, prefix: str = "") -> Iterator[str]:
    """Every node_modules that is not inside another: workspaces have their own."""
    for entry in os.scandir(tree / prefix):
        if entry.is_dir(follow_symlinks=False) and entry.name != ".twelve":
            name = f"{prefix}{entry.name}"
            if entry.name == "node_modules":
                yield name
            else:
                yield from _modules(tree, f"{name}/")


def _manifests(tree: Path) -> list[str]:
    """Every package.json of the codebase: workspaces have their own."""
    return sorted(str(path.relative_to(tree)) for path in tree.glob("**/package.json"))


def _below(tree: Path, directory: str) -> list[str]:
    return sorted(str(path.relative_to(tree)) for path in (tree / directory).glob("**/*") if path.is_file())


def _line_of(tree: Path, needle: str) -> int:
    lines = (tree / "package.json").read_text(errors="replace").splitlines()
    return next((number for number, line in enumerate(lines, 1) if needle in line), 0)
