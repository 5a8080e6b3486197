"""Every example of the runtime library's page runs, and prints what the page says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
PAGE = (Path(__file__).parents[3] / "docs/runtime.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


def title(number):
    before = PAGE[: PAGE.index(EXAMPLES[number][0])]
    return f"{number + 1} {re.findall(r'^## (.*)$', before, re.MULTILINE)[-1]}"


@pytest.fixture(scope="module")
def environ(servers, database_url, redis_url, bucket):
    mail = servers["smtp"].config("SMTP", servers["smtp"].create("smtp-runtime-docs"))
    own = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "S3_URL": bucket["FILES_URL"], "SECRET_KEY": "x"}
    return os.environ | own | mail


def test_every_example_shows_what_it_prints():
    assert len(EXAMPLES) == PAGE.count("```python\n") > 5


@pytest.mark.parametrize("number", range(len(EXAMPLES)), ids=title)
def test_an_example_prints_what_the_page_says(number, environ, tmp_path):
    program, shown = EXAMPLES[number]
    file = tmp_path / "example.py"
    file.write_text(program)
    done = subprocess.run(
        [sys.executable, file], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(re.escape(shown).replace("…", ".*"), done.stdout), done.stdout
