from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from twelve.core.model import AppManifest, EnvWish, Layer, Release, ReleaseStatus, Slug
from twelve.core.policy.environment import owned_in, process_environment
from twelve.core.policy.required import defaults, missing, required_keys

MOMENT = datetime(2015, 4, 2, 18, 0, 42, 5, tzinfo=UTC)
ID = UUID(int=1)
RELEASE = Release(ID, ID, 42, ID, ReleaseStatus.PENDING, "Deploy", "u", MOMENT, MOMENT)
SLUG = Slug(
    ID, "f" * 64, (Layer("app", "k", Path("/x")),), {"web": "x"}, AppManifest(),
    env={"PATH": "/app/.venv/bin:/usr/bin", "VIRTUAL_ENV": "/app/.venv", "LANG": "C"}, commit="1a2b3c4d5e6f",
)  # fmt: skip


def environment(config, slug=SLUG):
    return process_environment(
        app_id=str(ID), app_name="notes", host="notes.localhost", release=RELEASE, slug=slug, config=config
    )


def test_all_of_it():
    assert environment({"SECRET": "s"}) == {
        "PATH": "/app/.venv/bin:/usr/bin:/usr/local/bin:/bin",  # the slug's first, each once
        "TMPDIR": "/tmp",
        "LANG": "C",  # the slug over the platform
        "PYTHONUNBUFFERED": "1",
        "PYTHONHASHSEED": "random",
        "FORWARDED_ALLOW_IPS": "*",
        "VIRTUAL_ENV": "/app/.venv",
        "SECRET": "s",
        "HOME": "/app",
        "PWD": "/app",
        "HEROKU_APP_ID": str(ID),
        "HEROKU_APP_NAME": "notes",
        "HEROKU_APP_DEFAULT_DOMAIN_NAME": "notes.localhost",
        "HEROKU_RELEASE_VERSION": "v42",
        "HEROKU_RELEASE_CREATED_AT": "2015-04-02T18:00:42Z",
        "HEROKU_SLUG_COMMIT": "1a2b3c4d5e6f",
        "HEROKU_SLUG_DESCRIPTION": "Deploy 1a2b3c4",
        "TWELVE_SLUG_DIGEST": "f" * 64,
    }


@pytest.mark.parametrize(
    ("config", "key", "value"),
    [
        ({"LANG": "de_DE.UTF-8"}, "LANG", "de_DE.UTF-8"),  # config over every default
        ({"PATH": "/mine"}, "PATH", "/mine"),
        ({"HOME": "/root"}, "HOME", "/app"),  # the platform over config
        ({"PORT": "80"}, "PORT", None),  # and where only the engine knows: not passed at all
        ({"DYNO": "web.9"}, "DYNO", None),
        ({"EMPTY": ""}, "EMPTY", ""),
    ],
)
def test_who_wins(config, key, value):
    assert environment(config).get(key) == value


def test_nothing_of_the_host_is_inherited(monkeypatch):
    monkeypatch.setenv("HOST_SECRET", "x")
    assert "HOST_SECRET" not in environment({})


def test_keys_set_in_vain():
    assert owned_in(["A", "PORT", "LANG", "HEROKU_APP_NAME"]) == ["PORT", "HEROKU_APP_NAME"]


MANIFEST = AppManifest(
    env=(
        EnvWish("SECRET_KEY", generator="secret"),
        EnvWish("GREETING", value="hello"),
        EnvWish("SENTRY_DSN", required=False),
        EnvWish("API_KEY"),
        EnvWish("TOKEN"),
    )
)


def test_which_keys_an_app_needs():
    example = {"DATABASE_URL": 1, "PORT": 2, "SECRET_KEY": 3, "SENTRY_DSN": 4, "TOKEN": 5, "LANG": 6}
    assert required_keys(example, MANIFEST) == {
        "DATABASE_URL": ".env.example:1",
        "API_KEY": "app.json",
        "TOKEN": ".env.example:5",  # in both: the place with a line
    }  # the platform gives PORT and LANG; app.json a SECRET_KEY, and calls SENTRY_DSN optional


def test_all_missing_keys_at_once():
    required = {"A": ".env.example:1", "B": ".env.example:2", "PORT": ".env.example:3", "C": "app.json"}
    assert missing(required, {"B": ""}) == [("A", ".env.example:1"), ("C", "app.json")]  # an empty value is a value


def test_what_app_json_gives():
    secrets = iter(["s1", "s2"])
    assert defaults(MANIFEST, {"TOKEN": "t"}, lambda: next(secrets)) == {"SECRET_KEY": "s1", "GREETING": "hello"}
    assert defaults(MANIFEST, {"SECRET_KEY": "mine", "GREETING": ""}, lambda: next(secrets)) == {}
