"""Each part works with its own extra installed and nothing else, and says in one sentence what it lacks."""

import functools
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EXTRAS = tomllib.loads((ROOT / "runtime/pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]
PARTS = [  # module, its extra, the package that is missed first without it
    ("twelve_runtime", None, None),
    ("twelve_runtime.lifecycle", None, None),
    ("twelve_runtime.health", None, None),
    ("twelve_runtime.oneoff", None, None),
    ("twelve_runtime.errors", None, None),
    ("twelve_runtime.redaction", None, None),
    ("twelve_runtime.resources", None, None),
    ("twelve_runtime.resources.mail", None, None),
    ("twelve_runtime.idempotency", None, None),
    ("twelve_runtime.sessions", None, None),
    ("twelve_runtime.artifacts.mlflow", None, None),
    ("twelve_runtime.uploads", "s3", "obstore"),
    *(
        (f"twelve_runtime.artifacts.{part}", "artifacts", "obstore and cryptography")
        for part in ("models", "datasets", "signing")
    ),
    ("twelve_runtime.config", "config", "pydantic-settings"),
    ("twelve_runtime.events", "events", "structlog"),
    ("twelve_runtime.resources.sql", "sql", "sqlalchemy and psycopg"),
    ("twelve_runtime.resources.postgres", "postgres", "psycopg and psycopg-pool"),
    ("twelve_runtime.resources.redis", "redis", "redis"),
    ("twelve_runtime.resources.s3", "s3", "obstore"),
    ("twelve_runtime.resources.nats", "nats", "nats-py"),
    ("twelve_runtime.ml.outcomes", None, None),
    ("twelve_runtime.ml.assign", None, None),
    ("twelve_runtime.ml.asgi", "ml", "numpy and orjson"),
    ("twelve_runtime.ml.service", "ml", "numpy and orjson"),
    ("twelve_runtime.ml.mount", "ml", "numpy and orjson"),
    ("twelve_runtime.ml.worker", "ml", "uvicorn, uvloop and httptools"),
]
PROGRAM = """
import importlib, sys

class Only:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        own = top in sys.stdlib_module_names or top.startswith("_sysconfigdata")
        if not own and top != "twelve_runtime" and top not in ALLOWED:
            raise ModuleNotFoundError(f"No module named {name!r}: not of this extra", name=name)

def attempt(part, *allowed):
    global ALLOWED
    ALLOWED = set(allowed)
    for name in [name for name in sys.modules if name.startswith("twelve_runtime")]:
        del sys.modules[name]
    try:
        importlib.import_module(part)
    except ImportError as error:
        return str(error)
    return "works"

sys.meta_path.insert(0, Only())
print(attempt(sys.argv[1]))
print(attempt(*sys.argv[1:]))
"""


packages_distributions = functools.cache(metadata.packages_distributions)  # reads every installed file's name


def closure(requirements):
    """The distributions that an installation of these brings along."""
    found, left = set(), list(requirements)
    while left:
        requirement = left.pop()
        if "extra ==" in requirement:
            continue
        name, extras = re.match(r"([\w.-]+)\s*(?:\[([^]]*)\])?", requirement).groups()
        normal = re.sub(r"[-_.]+", "-", name).lower()
        if (normal, extras) in found:
            continue
        found.add((normal, extras))
        try:
            more = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # for another system or version of Python
        wanted = set((extras or "").replace(" ", "").split(",")) - {""}
        for line in more:
            marker = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
            if marker is None or marker[1] in wanted:
                left.append(line.partition(";")[0])
    return {name for name, _ in found}


def modules(distributions):
    provided = packages_distributions()
    return {
        module
        for module, owners in provided.items()
        if any(re.sub(r"[-_.]+", "-", owner).lower() in distributions for owner in owners)
    }


@pytest.mark.parametrize(("part", "extra", "package"), PARTS)
def test_a_part_needs_its_extra_only(part, extra, package):
    allowed = sorted(modules(closure(EXTRAS[extra]))) if extra else []
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, part, *allowed], capture_output=True, text=True, check=True, timeout=60
    )
    name = "twelve_runtime.artifacts" if extra == "artifacts" else part
    without = f"{name} needs {package}: install twelve-runtime[{extra}]" if extra else "works"
    assert done.stdout.splitlines() == [without, "works"]
