"""The notes example by itself: its lock file installs, and its own tests pass on the servers that apps get."""

import os
import subprocess

import pytest

from tests.support.live import ROOT
from twelve.infra.components import uv
from twelve.infra.settings import Settings
from twelve.stages.services.postgres import PostgresProvider
from twelve.stages.services.postgres_server import PostgresServer
from twelve.stages.services.redis import RedisProvider

pytestmark = pytest.mark.integration
NOTES = ROOT / "examples" / "notes"


@pytest.fixture
def services(tmp_path):
    """The config vars of a database and a Redis of its own, as an app would get them."""
    settings = Settings(home=tmp_path / "home")
    settings.make_directories()
    server = PostgresServer(settings, lambda _name, _output: None)
    redis = RedisProvider(settings, lambda _name, _output: None)
    postgres = PostgresProvider(server)
    try:
        yield postgres.config("DATABASE", postgres.create("notes")) | redis.config("REDIS", redis.create("notes"))
    finally:
        redis.stop()
        server.stop()


def test_the_example_passes_its_own_tests_on_real_servers(services, tmp_path):
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("VIRTUAL_ENV", "PYTEST", "UV_PYTHON"))
    }
    env = kept | services | {"UV_PROJECT_ENVIRONMENT": str(tmp_path / "venv"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [
        uv(),
        "run",
        "--quiet",
        "--frozen",
        "--project",
        NOTES,
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests",
    ]
    done = subprocess.run(command, cwd=NOTES, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout
