"""Config comes from the environment, or not at all."""

import pytest
from notes.settings import Settings
from twelve_runtime.config import ConfigError

FULL = {"DATABASE_URL": "postgres://u:pw@h/d", "REDIS_URL": "redis://h", "SECRET_KEY": "hush"}


def test_all_missing_keys_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.load({"REDIS_URL": "redis://h", "SECRET_KEY": ""})
    assert [problem.key for problem in caught.value.problems] == ["DATABASE_URL", "SECRET_KEY"]
    assert ".env.example" in str(caught.value)


@pytest.mark.parametrize("size", ["many", "0", "-1"])
def test_a_number_that_is_none_is_refused(size: str) -> None:
    with pytest.raises(ConfigError, match="POOL_SIZE"):
        Settings.load({**FULL, "POOL_SIZE": size})


def test_defaults_and_secrets_are_not_shown() -> None:
    config = Settings.load(FULL)
    assert config.max_file_bytes == 5_000_000
    assert "pw" not in repr(config)
    assert "hush" not in repr(config)
