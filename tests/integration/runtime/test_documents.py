"""The pages about state and artifacts do what they say: their examples run, in the order of the page, against real servers."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.support import models

pytestmark = pytest.mark.integration

PAGES = Path(__file__).parents[3] / "docs" / "runtime"


@pytest.fixture
def environment(database_url, redis_url, bucket):
    with psycopg.connect(database_url) as connection:
        connection.execute("drop table if exists orders")
    services = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "S3_URL": bucket["FILES_URL"]}
    return os.environ | services | {"SECRET_KEY": "a long secret of this test"}


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def ran(programs, environment, directory):
    program = directory / "page.py"
    program.write_text("\n".join(programs), encoding="utf-8")
    command = [sys.executable, "-W", "error", str(program)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("page", ["idempotency", "sessions", "uploads", "artifacts"])
def test_the_examples_of_a_page_run(page, environment, tmp_path):
    programs = blocks(PAGES / f"{page}.md")
    assert len(programs) >= 4
    done = ran(programs, environment, tmp_path)
    assert (done.stderr, done.returncode) == ("", 0)


def test_the_examples_about_serving_run(tmp_path):
    store = tmp_path / "store"
    release = models.environment(store, models.publish(store))
    programs = blocks(PAGES.with_name("serving.md"))
    assert len(programs) == 3
    done = ran([*programs, "print(answer['label'])"], os.environ | release, tmp_path)
    assert (done.stderr, done.returncode) == ("", 0)
    said = [line for line in done.stdout.splitlines() if not line.startswith("{")]
    assert said == [
        '400 Input "X" has shape [1, 1]; the model takes [-1, 4].',
        str(models.expected([models.ROW])[0][0]),
    ]
    assert '"event":"outcome"' in done.stdout
