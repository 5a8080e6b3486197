"""Factor III: all that differs between deploys comes from the environment, and is checked once, at the start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

REQUIRED = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")


@dataclass(frozen=True)
class Settings:
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    log_level: str = "info"
    max_file_bytes: int = 5_000_000
    pool_size: int = 4
    tick_seconds: int = 60
    process: str = "local"
    release: str = ""


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings, or one message that names every key that is missing."""
    missing = [key for key in REQUIRED if not environ.get(key)]
    if missing:
        raise SystemExit(f"notes cannot start: set {', '.join(missing)} in the environment (see .env.example).")
    return Settings(
        database_url=environ["DATABASE_URL"],
        redis_url=environ["REDIS_URL"],
        secret_key=environ["SECRET_KEY"],
        log_level=environ.get("LOG_LEVEL", "info"),
        max_file_bytes=_whole(environ, "MAX_FILE_BYTES", 5_000_000),
        pool_size=_whole(environ, "POOL_SIZE", 4),
        tick_seconds=_whole(environ, "TICK_SECONDS", 60),
        process=environ.get("DYNO", "local"),
        release=environ.get("HEROKU_RELEASE_VERSION", ""),
    )


def _whole(environ: Mapping[str, str], key: str, default: int) -> int:
    text = environ.get(key) or str(default)
    if not text.isdecimal() or int(text) == 0:
        raise SystemExit(f'notes cannot start: {key} is "{text}", which is not a whole number above 0.')
    return int(text)
