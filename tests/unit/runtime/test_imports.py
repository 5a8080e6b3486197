"""A part is imported with its own extra only: whoever uses sessions under Flask has no Django, and no driver but one."""

import subprocess
import sys

import pytest

HEAVY = [
    "psycopg",
    "redis",
    "valkey",
    "sqlalchemy",
    "django",
    "flask",
    "starlette",
    "fastapi",
    "obstore",
    "structlog",
    "pydantic",
    "numpy",
]
PROGRAM = """
import sys
for name in sys.argv[2:]:
    sys.modules[name] = None
__import__(sys.argv[1])
"""


def imported(part, absent):
    command = [sys.executable, "-c", PROGRAM, part, *absent]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("part", "needs"),
    [
        ("twelve_runtime", []),
        ("twelve_runtime.idempotency", []),
        ("twelve_runtime.idempotency.asgi", []),
        ("twelve_runtime.idempotency.wsgi", []),
        ("twelve_runtime.sessions", []),
        ("twelve_runtime.sessions.asgi", []),
        ("twelve_runtime.sessions.flask", ["flask"]),
        ("twelve_runtime.sessions.django", ["django"]),
        ("twelve_runtime.uploads", ["obstore"]),
    ],
)
def test_a_part_needs_nothing_but_its_own(part, needs):
    found = imported(part, [name for name in HEAVY if name not in needs])
    assert (found.stderr, found.returncode) == ("", 0)


def test_what_is_absent_is_told_in_one_sentence():
    last = imported("twelve_runtime.uploads", ["obstore"]).stderr.splitlines()[-1]
    assert last == "ImportError: twelve_runtime.uploads needs obstore: install twelve-runtime[s3]"
