"""Factor III for the platform itself: everything it needs to know comes from the environment."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twelve.core.errors import PlatformError

MAX_RUN_PATH = 75  # the kernel allows a socket's path 107 bytes, and names like router/admin.sock are added


@dataclass(frozen=True, slots=True)
class Settings:
    """`database_url` is None when the embedded server holds the platform's state. `cache` holds downloaded packages,
    no state: it is the user's, shared by every TWELVE_HOME."""

    home: Path
    cache: Path = field(default_factory=lambda: _cache(os.environ))
    api_port: int = 4012
    router_port: int = 8012
    database_url: str | None = None
    secret_key: str | None = None
    log_history: int = 1500
    restart_cap: float = 300.0
    release_timeout: float = 3600.0
    sandbox: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        env = os.environ if environ is None else environ
        home = Path(env.get("TWELVE_HOME") or Path.home() / ".twelve").expanduser().absolute()
        return cls(
            home=home,
            cache=_cache(env),
            api_port=_number(env, "TWELVE_API_PORT", 4012, 1, 65535),
            router_port=_number(env, "TWELVE_ROUTER_PORT", 8012, 1, 65535),
            database_url=env.get("DATABASE_URL") or None,
            secret_key=env.get("TWELVE_SECRET_KEY") or None,
            log_history=_number(env, "TWELVE_LOG_HISTORY", 1500, 1, 1_000_000),
            restart_cap=float(_number(env, "TWELVE_RESTART_CAP", 300, 1, 86400)),
            sandbox=env.get("TWELVE_SANDBOX", ""),
            release_timeout=float(_number(env, "TWELVE_RELEASE_TIMEOUT", 3600, 1, 86400)),
        )

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def slugs(self) -> Path:
        return self.home / "slugs"

    @property
    def layers(self) -> Path:
        return self.home / "layers"

    @property
    def uploads(self) -> Path:
        return self.home / "uploads"

    @property
    def components(self) -> Path:
        return self.home / "components"

    @property
    def run(self) -> Path:
        """Sockets, named pipes and status files: gone after a reboot without loss. Short enough for a socket's path."""
        inside = self.home / "run"
        if len(str(inside)) <= MAX_RUN_PATH:
            return inside
        digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        return Path("/tmp") / f"twelve-{os.getuid()}-{digest}"  # noqa: S108 - made 0700 and checked by make_directories

    @property
    def log_lines(self) -> Path:
        """The last lines of each app, for the next server."""
        return self.run / "logs"

    @property
    def server_lock(self) -> Path:
        """Held by the one server of this home; outside of `run`, which ends with everything that ran."""
        return self.home / "server.lock"

    @property
    def token_file(self) -> Path:
        return self.home / "token"

    def make_directories(self) -> None:
        """All of them 0700. An existing run directory of somebody else's is refused."""
        for directory in (
            self.home,
            self.data,
            self.slugs,
            self.layers,
            self.cache,
            self.uploads,
            self.components,
            self.run,
            self.log_lines,
        ):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if directory.stat().st_uid != os.getuid():
                raise PlatformError(
                    f"{directory} belongs to another user.", hint="Set TWELVE_HOME to a directory of yours."
                )
        self.home.chmod(0o700)
        self.run.chmod(0o700)

    def remove_run(self) -> None:
        """After everything has been stopped: pipes and sockets of nobody, perhaps outside of `home`."""
        shutil.rmtree(self.run, ignore_errors=True)


def _cache(env: Mapping[str, str]) -> Path:
    everybody = Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(env.get("TWELVE_CACHE") or everybody / "twelve").expanduser().absolute()


def _number(env: Mapping[str, str], key: str, default: int, low: int, high: int) -> int:
    text = env.get(key)
    if not text:
        return default
    if not text.isdecimal() or not low <= int(text) <= high:
        raise PlatformError(f'{key} is "{text}", which is not a whole number from {low} to {high}.')
    return int(text)
