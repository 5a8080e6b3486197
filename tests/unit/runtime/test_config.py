"""Config comes from the environment alone, is wrong in one message, and never shows what is secret."""

import json
import logging
import subprocess
import sys
import traceback
from enum import StrEnum
from typing import Literal

import pytest
from pydantic import BaseModel, Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict
from twelve_runtime.config import Config, ConfigError, PostgresUrl, RedisUrl, Secret, Url, load_or_exit


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Limits(BaseModel):
    depth: int


class Settings(Config):
    database_url: PostgresUrl = Field(description="PostgreSQL: notes and files.")
    secret_key: Secret = Field(min_length=8)
    api_token: str = ""
    proxy: str = ""
    pool_size: int = Field(4, ge=1, description="connections a process")
    hosts: list[str] = Field(default_factory=list)
    colour: Colour = Colour.RED
    level: Literal["info", "debug"] = "info"
    tokens: int = 5


GOOD = {"DATABASE_URL": "postgres://ann:hunter2@db.example:5432/notes", "SECRET_KEY": "swordfish-1"}


def problems(cls, environ):
    with pytest.raises(ConfigError) as caught:
        cls.load(environ)
    return {problem.key: f"{problem.what}: {problem.remedy}" for problem in caught.value.problems}


def test_every_wrong_key_is_in_one_error_with_what_to_do():
    found = problems(Settings, {"SECRET_KEY": "short", "POOL_SIZE": "many", "COLOUR": "green", "LEVEL": "loud"})
    assert found == {
        "DATABASE_URL": "is missing: set it (PostgreSQL: notes and files)",
        "SECRET_KEY": "is shorter than 8: correct it",
        "POOL_SIZE": "is no whole number: correct it (connections a process), or unset it for its default 4",
        "COLOUR": "is not 'red' or 'blue': correct it, or unset it for its default red",
        "LEVEL": "is not 'info' or 'debug': correct it, or unset it for its default info",
    }


def test_the_message_is_a_heading_and_a_line_a_key():
    with pytest.raises(ConfigError) as caught:
        Settings.load({})
    assert str(caught.value).splitlines() == [
        "Settings cannot be read from the environment, 2 keys are wrong:",
        "  DATABASE_URL is missing: set it (PostgreSQL: notes and files).",
        "  SECRET_KEY is missing: set it.",
    ]


@pytest.mark.parametrize(
    ("environ", "key", "what"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY", "is missing"),  # empty is not set
        ({"POOL_SIZE": "0"}, "POOL_SIZE", "is not 1 or more"),
        ({"POOL_SIZE": "9" * 5000}, "POOL_SIZE", "is too large a number"),
        ({"DATABASE_URL": "mysql://a:hunter2@b/c"}, "DATABASE_URL", "is no URL that begins with postgres:// or "),
        ({"DATABASE_URL": "hunter2"}, "DATABASE_URL", "is no URL that begins with postgres:// or "),
        ({"HOSTS": "[" * 100_000}, "HOSTS", "is no list"),
        ({"HOSTS": '{"a": 1}'}, "HOSTS", "is no list"),
    ],
)
def test_what_is_wrong_is_named_without_the_value(environ, key, what):
    found = problems(Settings, GOOD | environ)
    assert list(found) == [key]
    assert found[key].startswith(what)
    assert "hunter2" not in found[key]


def test_lists_are_json_or_words_between_commas():
    assert Settings.load(GOOD | {"HOSTS": "a.example, b.example"}).hosts == ["a.example", "b.example"]
    assert Settings.load(GOOD | {"HOSTS": '["a", "b"]'}).hosts == ["a", "b"]


def test_a_validator_may_not_quote_a_secret():
    class Strict(Config):
        api_token: str
        port: int

        @field_validator("api_token", "port")
        @classmethod
        def refuse(cls, value):
            raise ValueError(f"{value} is not to my taste")

    assert problems(Strict, {"API_TOKEN": "hunter2", "PORT": "80"}) == {
        "API_TOKEN": "is not accepted: correct it",
        "PORT": "is wrong (80 is not to my taste): correct it",
    }


def test_keys_are_named_as_they_are_written_in_the_environment():
    class Named(Config):
        model_config = SettingsConfigDict(env_prefix="SHOP_", env_nested_delimiter="__")
        limits: Limits
        size: int
        web: int = Field(validation_alias="WEB_CONCURRENCY")

    found = problems(Named, {"SHOP_LIMITS__DEPTH": "deep", "SHOP_SIZE": "big"})
    assert list(found) == ["SHOP_LIMITS__DEPTH", "SHOP_SIZE", "WEB_CONCURRENCY"]
    assert Named.load({"SHOP_LIMITS__DEPTH": "3", "SHOP_SIZE": "1", "WEB_CONCURRENCY": "2"}).limits.depth == 3


def test_keys_that_do_not_fit_together_are_told():
    class Pair(Config):
        low: int = 1
        high: int = 2

        @model_validator(mode="after")
        def ordered(self):
            if self.low > self.high:
                raise ValueError("LOW is above HIGH")
            return self

    assert problems(Pair, {"LOW": "5"}) == {"": "is wrong (LOW is above HIGH): change one of them"}


SHOWN = [
    repr,
    str,
    lambda s: f"{s}",
    lambda s: str(s.model_dump()),
    lambda s: s.model_dump_json(),
    lambda s: json.dumps(s.model_dump(mode="json")),
    lambda s: str(dict(s.model_dump(exclude_unset=True))),
    lambda s: logging.makeLogRecord({"msg": "%s", "args": (s,)}).getMessage(),
]


@pytest.mark.parametrize("shown", SHOWN)
def test_secrets_are_hidden_however_a_config_is_shown(shown):
    secrets = {"API_TOKEN": "opensesame", "PROXY": "http://ann:letmein@proxy", "TOKENS": "77"}
    text = shown(Settings.load(GOOD | secrets))
    assert not [secret for secret in ("hunter2", "swordfish", "opensesame", "letmein") if secret in text]
    assert "77" in text


def test_a_url_shows_where_it_leads_but_not_its_password():
    settings = Settings.load(GOOD)
    assert "postgres://ann:[redacted]@db.example:5432/notes" in repr(settings)
    assert settings.database_url.get_secret_value() == GOOD["DATABASE_URL"]


def test_who_asks_for_it_gets_everything():
    dumped = Settings.load(GOOD | {"API_TOKEN": "opensesame"}).model_dump(context={"reveal": True})
    assert dumped["api_token"] == "opensesame"


def test_no_frame_of_a_traceback_holds_the_values(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql//hunter2")
    monkeypatch.setenv("SECRET_KEY", "swordfish-1")
    with pytest.raises(ConfigError) as caught:
        Settings.load()
    assert caught.value.__context__ is None
    text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "DATABASE_URL is no URL" in text
    assert "hunter2" not in text.replace('monkeypatch.setenv("DATABASE_URL", "postgresql//hunter2")', "")
    assert "swordfish" not in text


def test_a_config_does_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Settings.load(GOOD).pool_size = 7


def test_files_are_not_read(tmp_path, monkeypatch):
    class Tempted(Config):
        model_config = SettingsConfigDict(env_file=".env", secrets_dir=str(tmp_path))
        greeting: str

    (tmp_path / ".env").write_text("GREETING=hello\n")
    (tmp_path / "greeting").write_text("hello")
    monkeypatch.chdir(tmp_path)
    assert list(problems(Tempted, None)) == ["GREETING"]


def test_any_url_and_valkeys_name_for_redis():
    class Urls(Config):
        redis_url: RedisUrl
        other: Url

    assert Urls.load({"REDIS_URL": "valkeys://h", "OTHER": "amqp://u:p@h"}).redis_url
    assert problems(Urls, {"REDIS_URL": "http://h", "OTHER": "h"})["OTHER"].startswith("is no URL")


PROGRAM = """
from twelve_runtime.config import Config, PostgresUrl, load_or_exit
class Settings(Config):
    database_url: PostgresUrl
    pool_size: int = 4
print(load_or_exit(Settings).pool_size)
"""


def test_a_process_ends_with_78_and_the_message():
    environ = {"PATH": "/usr/bin", "POOL_SIZE": "many"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 78
    assert done.stdout == ""
    assert "DATABASE_URL is missing" in done.stderr
    assert "POOL_SIZE is no whole number" in done.stderr
    assert "Traceback" not in done.stderr
    assert load_or_exit(Settings, GOOD).pool_size == 4
