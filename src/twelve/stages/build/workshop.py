"""A writable copy of the source, where the commands of a build run one after the other in the sandbox."""

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from twelve.core.errors import BuildError, DiskFull
from twelve.core.ports import Progress
from twelve.infra.files import copy_tree, remove_tree
from twelve.stages.build.sandbox import HOME, Job, Sandbox

TAIL = 20  # lines an error carries
KEPT = 400  # lines looked at for the cause: a compiler says much after it
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What says where packages come from and how to get there; nothing else of the host's environment is passed on.
INDEX_KEYS = frozenset(
    key
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
    for key in (name, name.lower())
) | {
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT",
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL",
    "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_STRATEGY", "UV_HTTP_TIMEOUT", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS",
    "UV_INSECURE_HOST", "UV_KEYRING_PROVIDER", "UV_EXCLUDE_NEWER", "NPM_CONFIG_REGISTRY", "npm_config_registry",
    "NPM_CONFIG_CAFILE", "YARN_REGISTRY", "YARN_NPM_REGISTRY_SERVER", "COREPACK_NPM_REGISTRY",
}  # fmt: skip
CERTIFICATE_KEYS = (
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT",
    "NPM_CONFIG_CAFILE",
)  # fmt: skip
HOME_FILES = (".npmrc", ".config/uv/uv.toml")


@dataclass(frozen=True, slots=True)
class Host:
    """What a build may take from the machine: caches it fills, and the way to the package indexes."""

    cache: Path
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    home: Path = field(default_factory=Path.home)

    def index_env(self) -> dict[str, str]:
        given = {key: value for key, value in self.environ.items() if key in INDEX_KEYS and value}
        if "PIP_INDEX_URL" in given and not given.keys() & {"UV_INDEX_URL", "UV_DEFAULT_INDEX"}:
            given["UV_DEFAULT_INDEX"] = given["PIP_INDEX_URL"]
        return given

    def certificates(self) -> tuple[Path, ...]:
        return tuple(Path(self.environ[key]) for key in CERTIFICATE_KEYS if self.environ.get(key))

    def home_files(self) -> dict[str, Path]:
        return {name: self.home / name for name in HOME_FILES if (self.home / name).is_file()}


@dataclass(frozen=True, slots=True)
class Workshop:
    """`tree` is the copy, `app` the path commands see it at. `over` are finished dependency directories by name."""

    tree: Path
    sandbox: Sandbox
    host: Host
    progress: Progress
    visible: tuple[Path, ...] = ()
    over: Mapping[str, Path] = field(default_factory=dict)

    @property
    def app(self) -> str:
        return self.sandbox.root(self.tree)

    def seeing(self, *paths: Path) -> "Workshop":
        return replace(self, visible=(*self.visible, *paths))

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        network: bool = False,
        path: Sequence[str] = (),
        explain: Callable[[list[str]], BuildError] | None = None,
        worth_showing: Callable[[str], bool] = bool,
    ) -> None:
        """Run a command, its output shown as it comes; raises what `explain` makes of its last lines."""
        status, tail = self.attempt(argv, env=env, network=network, path=path, worth_showing=worth_showing)
        if status == 0:
            return
        if any("No space left on device" in line or "ENOSPC" in line for line in tail):
            raise DiskFull("The disk filled up during the build.", hint="Free some space and try again.")
        error = explain(list(tail)) if explain else BuildError(f"`{' '.join(argv)}` failed with status {status}.")
        error.log = tail[-TAIL:]
        raise error

    def attempt(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        network: bool = False,
        path: Sequence[str] = (),
        worth_showing: Callable[[str], bool] = bool,
    ) -> tuple[int, tuple[str, ...]]:
        """The exit status, and the last lines of the output; by default empty lines are not worth showing."""
        tail: deque[str] = deque(maxlen=KEPT)

        def show(line: str) -> None:
            if worth_showing(line):
                tail.append(line)
                self.progress.line(line)

        job = Job(
            argv=argv,
            app=self.tree,
            env=self._env(env, path, network=network),
            network=network,
            visible=(*self.visible, *(self.host.certificates() if network else ())),
            writable=(self.host.cache,),
            over=self.over,
            home_files=self.host.home_files() if network else {},
        )
        return self.sandbox.run(job, show), tuple(tail)

    def _env(self, env: Mapping[str, str], path: Sequence[str], *, network: bool) -> dict[str, str]:
        return {
            "PATH": ":".join((*path, SYSTEM_PATH)),
            "HOME": os.fspath(self.host.home if network else self.tree) if self.sandbox.plain else HOME,
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "NO_COLOR": "1",
            "SOURCE_DATE_EPOCH": "315532800",  # 1980, the oldest date a wheel can hold
            **(self.host.index_env() if network else {}),
            **env,
        }


def prepare(source: Path, tree: Path, over: Mapping[str, Path], sandbox: Sandbox) -> None:
    """Copy the source; where nothing can be laid over it, the dependencies are copied in as well."""
    copy_tree(source, tree)
    for name, layer in over.items():
        if sandbox.plain:
            copy_tree(layer, tree / name)


def clear(tree: Path, over: Mapping[str, Path]) -> None:
    """Take the dependencies out of a tree again, or the empty directories they were laid over."""
    for name in over:
        remove_tree(tree / name)
