"""Config comes from the environment, or not at all."""

import pytest
from notes import settings

FULL = {"DATABASE_URL": "postgres://u:pw@h/d", "REDIS_URL": "redis://h", "SECRET_KEY": "hush"}


def test_all_missing_keys_are_named_at_once() -> None:
    with pytest.raises(SystemExit, match=r"DATABASE_URL, SECRET_KEY.*\.env\.example"):
        settings.load({"REDIS_URL": "redis://h", "SECRET_KEY": ""})


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(SystemExit, match="POOL_SIZE"):
        settings.load({**FULL, "POOL_SIZE": "many"})


def test_defaults_and_secrets_are_not_shown() -> None:
    config = settings.load(FULL)
    assert config.max_file_bytes == 5_000_000
    assert "pw" not in repr(config)
    assert "hush" not in repr(config)
