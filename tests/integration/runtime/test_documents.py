"""The pages about state and artifacts do what they say: their examples run, in the order of the page, against real servers."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

pytestmark = pytest.mark.integration

PAGES = Path(__file__).parents[3] / "docs" / "runtime"


@pytest.fixture
def environment(database_url, redis_url, bucket):
    with psycopg.connect(database_url) as connection:
        connection.execute("drop table if exists orders")
    services = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "S3_URL": bucket["FILES_URL"]}
    return os.environ | services | {"SECRET_KEY": "a long secret of this test"}


@pytest.mark.parametrize("page", ["idempotency", "sessions", "uploads", "artifacts"])
def test_the_examples_of_a_page_run(page, environment, tmp_path):
    blocks = re.findall(
        r"^```python\n(.*?)^```$", (PAGES / f"{page}.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(blocks) >= 4
    program = tmp_path / "page.py"
    program.write_text("\n".join(blocks), encoding="utf-8")
    command = [sys.executable, "-W", "error", str(program)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.stderr, ran.returncode) == ("", 0)
