"""Factor III: all that differs between deploys comes from the environment, and is checked once, at the start."""

from pydantic import Field, PositiveInt
from twelve_runtime.config import Config, PostgresUrl, RedisUrl, Secret, load_or_exit


class Settings(Config):
    database_url: PostgresUrl = Field(description="PostgreSQL: notes, files and their search index; see .env.example")
    redis_url: RedisUrl = Field(description="Redis or Valkey: the queue between web, clock and worker")
    secret_key: Secret = Field(description="signs the session cookie; any 32 random characters")
    log_level: str = "info"
    max_file_bytes: PositiveInt = 5_000_000
    pool_size: PositiveInt = 4
    tick_seconds: PositiveInt = 60
    process: str = Field("local", validation_alias="DYNO")
    release: str = Field("", validation_alias="HEROKU_RELEASE_VERSION")


def load() -> Settings:
    """The settings, or the end of the process with one message that names every key that is missing or wrong."""
    return load_or_exit(Settings)
