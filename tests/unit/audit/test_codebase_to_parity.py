"""Factors I, II, V and X: what their rules find, and what looks like it and is right."""

from datetime import date

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.facts import eol, locks, runtimes
from twelve.audit.facts.dev_servers import dev_server
from twelve.audit.facts.dockerfile import contributing, parse
from twelve.audit.facts.modules import is_brought
from twelve.audit.facts.start import Command, starts
from twelve.audit.judge import judge
from twelve.audit.model import Severity
from twelve.audit.rules import all_rules, relevances, witnesses

OWN = [rule for rule in all_rules() if rule.id.startswith(("TF01", "TF02", "TF05", "TF10"))]
BASE = {"requirements.txt": "flask==3.1.0\n", ".python-version": "3.13\n", "Procfile": "web: gunicorn app:app\n"}
DOCKER = "FROM python:3.13-slim\nCOPY app.py .\n"


def hits(files):
    """(rule, path, line) of all findings above info."""
    code = Codebase.of(files)
    every = ((rule, hit) for rule in OWN for hit in rule.check(code))
    return [(rule.id, hit.path, hit.line) for rule, hit in every if (hit.severity or rule.severity) != Severity.INFO]


RIGHT = {
    "a distribution of another name": {"app.py": "import jwt, yaml, PIL\n", "requirements.txt": "pyjwt==2\npyyaml==6\npillow==12\n"},
    "a Django extension": {"app.py": "import corsheaders\n", "requirements.txt": "django-cors-headers==4.9\n"},
    "a module one can do without": {"app.py": "try:\n    import uvloop\nexcept ImportError:\n    uvloop = None\n"},
    "a module for types alone": {"app.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import boto3\n"},
    "an import in a docstring": {"app.py": '"""\nimport boto3\n"""\n'},
    "its own module": {"app.py": "import shop\nfrom lib import x\n", "shop/__init__.py": "", "src/lib.py": ""},
    "a console script of a dependency": {"app.py": "import os\nos.system('pybabel compile')\n", "requirements.txt": "babel==2.13\n"},
    "its own interpreter": {"app.py": "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'shop'])\n"},
    "a program of every system": {"app.py": "import subprocess\nsubprocess.run(['ls', '-l'])\n"},
    "a program that is declared": {"app.py": "import subprocess\nsubprocess.run(['hg', 'id'])\n", "Aptfile": "mercurial\n"},
    "a script for developers": {"scripts/convert.py": "import subprocess\nsubprocess.run(['convert', 'a', 'b'])\n"},
    "a package manager in the image": {"Dockerfile": f"{DOCKER}RUN pip install -U pip uv && pip install -r requirements.txt\n"},
    "options with values": {"Dockerfile": f"{DOCKER}RUN pip install --no-cache-dir --target /deps -r requirements.txt .\n"},
    "a base that an argument names": {"Dockerfile": "ARG V=3.13\nFROM python:$V-slim\nCOPY app.py .\n"},
    "a stage that does not end up in the image": {"Dockerfile": f"FROM node:12 AS docs\nRUN npm ci\n\n{DOCKER}"},
    "a digest": {"Dockerfile": "FROM python@sha256:1f3a\nCOPY app.py .\n"},
    "ranges that a lock settles": {"pyproject.toml": '[project]\nname = "s"\ndependencies = ["flask>=3"]\n', "uv.lock": '[[package]]\nname = "flask"\n'},
    "a workspace's own package": {"package.json": '{"dependencies": {"shop": "workspace:*"}, "engines": {"node": "24"}}', "pnpm-lock.yaml": ""},
    "Node's own modules": {"app.js": "const fs = require('node:fs'); const p = require('path')\n", "package.json": "{}"},
    "an alias of the bundler": {"app.ts": "import x from '@/shop'\nimport y from '~lib'\n", "package.json": "{}"},
    "an import in a comment": {"app.js": "// require('express')\n", "package.json": "{}"},
    "a migration in the release phase": {"Procfile": "web: gunicorn app:app\nrelease: flask db upgrade\n"},
    "a server for development in development": {"docker-compose.yml": "services:\n  web:\n    build: .\n    command: flask run\n", "Dockerfile": f"{DOCKER}CMD gunicorn app:app\n"},
    "an image for development": {"Dockerfile.dev": "FROM python:latest\nRUN pip install flask\nCMD flask run\n"},
    "loops that run": {"Procfile": "web: python app.py\n", "app.py": "import asyncio\nasyncio.run(main(), debug=True)\n"},
    "a subcommand of flask": {"Procfile": "web: flask --app shop serve-forever\n"},
    "a build argument that no deploy changes": {"Dockerfile": f"{DOCKER}ARG GIT_SHA\nENV REVISION=$GIT_SHA\nARG STATIC_URL\nENV STATIC_URL=${{STATIC_URL:-/static/}}\n"},
    "a dummy for the build": {"Dockerfile": f"{DOCKER}RUN SECRET_KEY=x python manage.py collectstatic\n"},
    "an image that a deploy names by version": {"k8s/web.yaml": "kind: Pod\nspec:\n  containers:\n  - image: shop:v42\n    args: [serve]\n"},
    "a cache beside the real one": {"settings.py": "CACHES = {'default': {'BACKEND': 'django.core.cache.backends.redis.RedisCache'}, 'x': {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}}\n"},
    "a cache in memory everywhere": {"settings.py": "CACHES = {'default': {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}}\n"},
    "SQLite everywhere": {"config.py": "URL = 'sqlite:///app.db'\n"},
    "SQLite in tests": {"tests/config.py": "URL = 'sqlite:///app.db'\n", "requirements.txt": "psycopg2==2.9\n"},
    "SQLite in a comment": {"config.py": "# 'sqlite:///app.db'\n", "requirements.txt": "psycopg2==2.9\n"},
    "a queue that is off": {"settings.py": "import os\nCELERY_TASK_ALWAYS_EAGER = os.environ.get('E', 'False') == 'True'\n"},
    "CI that tests more versions": {".github/workflows/test.yml": "jobs:\n  t:\n    strategy:\n      matrix:\n        python-version: ['3.12', '3.13']\n"},
    "the same service by other tags": {"docker-compose.yml": "services:\n  d:\n    image: postgres:15-alpine\n", ".github/workflows/t.yml": "jobs:\n  t:\n    services:\n      d:\n        image: library/postgres:15.4\n"},
    "a build wrapper": {".mvn/wrapper/maven-wrapper.jar": "", "gradle/wrapper/gradle-wrapper.jar": ""},
    "a test's fixture of a module": {"tests/data/__pycache__/x.pyc": ""},
    "one app in several images": {"Dockerfile": DOCKER, "docker/worker/Dockerfile": DOCKER},
}  # fmt: skip


@pytest.mark.parametrize("files", RIGHT.values(), ids=RIGHT.keys())
def test_what_is_right_is_not_found(files):
    assert hits(BASE | files) == []


WRONG = {
    "a module in a function": ({"app.py": "def f():\n    import boto3\n"}, ("TF02-undeclared-import", "app.py", 2)),
    "what a function is handed": (
        {
            "shop/run.py": "import subprocess\ndef execute(command):\n    return subprocess.Popen(command)\n",
            "shop/vcs.py": "from shop.run import execute\ncommand = ['git', 'pull']\nexecute(command)\n",
        },
        ("TF02-shell-out-system-tool", "shop/run.py", 3),
    ),
    "a program in JavaScript": (
        {"app.js": "const {execSync} = require('child_process')\nexecSync('convert a b')\n"},
        ("TF02-shell-out-system-tool", "app.js", 2),
    ),
    "a program in Go": (
        {"main.go": 'package main\nimport "os/exec"\nvar c = exec.Command("ffmpeg", "-i")\n'},
        ("TF02-shell-out-system-tool", "main.go", 3),
    ),
    "a branch of a repository": (
        {"requirements.txt": "flask==3.1.0\nshop @ git+https://example.com/shop.git\n"},
        ("TF02-unpinned", "requirements.txt", 2),
    ),
    "latest in spite of a lock": (
        {"package.json": '{"engines": {"node": "24"},\n"dependencies": {"a": "latest"}}', "package-lock.json": "{}"},
        ("TF02-unpinned", "package.json", 2),
    ),
    "a dynamic version of Gradle": (
        {"build.gradle": "dependencies {\n  implementation 'org.a:b:1.+'\n}\njava { toolchain { languageVersion = JavaLanguageVersion.of(21) } }\n"},
        ("TF02-unpinned", "build.gradle", 2),
    ),
    "an end of life below the tag": (
        {"Dockerfile": "FROM python:3.13-slim-buster\nCOPY app.py .\n"},
        ("TF02-base-image-eol", "Dockerfile", 1),
    ),
    "a build before npm start": (
        {"Procfile": "web: npm start\n", "package.json": '{"scripts": {"prestart": "webpack",\n"start": "node a.js"}}'},
        ("TF05-build-at-run", "package.json", 1),
    ),
    "a build in a script": (
        {"Procfile": "web: sh -c './run.sh'\n", "run.sh": "#!/bin/sh\nset -e\nnpm ci\nexec node server.js\n"},
        ("TF05-build-at-run", "run.sh", 3),
    ),
    "Flask's own server": (
        {"Procfile": "web: python app.py\n", "app.py": "import flask\napp = flask.Flask('a')\napp.run(host='0.0.0.0')\n"},
        ("TF05-dev-server", "app.py", 3),
    ),
    "what only Compose starts": (
        {"docker-compose.yml": "services:\n  w:\n    build: .\n    command: sh -c 'flask db upgrade && flask run'\n", "Dockerfile": DOCKER},
        ("TF05-dev-server", "docker-compose.yml", 4),
    ),
    "a migration in the image": (
        {"Dockerfile": f"{DOCKER}RUN pip install -r requirements.txt \\\n  && python manage.py migrate\n"},
        ("TF05-build-touches-resources", "Dockerfile", 4),
    ),
    "another version in CI": (
        {".github/workflows/t.yml": "jobs:\n  t:\n    steps:\n    - with:\n        python-version: '3.11'\n"},
        ("TF10-runtime-drift", ".github/workflows/t.yml", 5),
    ),
    "SQLite in Rails' development": (
        {"config/database.yml": "development:\n  adapter: sqlite3\nproduction:\n  adapter: postgresql\n"},
        ("TF10-sqlite-dev", "config/database.yml", 2),
    ),
    "a virtual environment": ({"venv/lib/python3.12/x.py": ""}, ("TF01-vendored-copy", "venv/lib/python3.12/x.py", None)),
    "a requirement of another app": (
        {"a/Procfile": "web: a\n", "b/Procfile": "web: b\n", "Procfile": "", "b/requirements.txt": "x==1\n-e ../a/lib\n"},
        ("TF01-shared-code", "b/requirements.txt", 2),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "found"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_found(files, found):
    whole = {path: text for path, text in (BASE | files).items() if not (path == "Procfile" and text == "")}
    if "only Compose" in str(files) or "command: sh -c" in str(files):
        del whole["Procfile"]
    assert found in hits(whole)


LIBRARY = '[build-system]\nrequires = []\n[project]\nname = "shop_prices"\ndependencies = ["requests>=2"]\n'


def test_a_library_leaves_versions_to_the_app_that_uses_it():
    files = {"pyproject.toml": LIBRARY + '[project.optional-dependencies]\nall = ["shop-prices[fast]"]\n', "a.py": ""}
    started = files | {"Procfile": "web: gunicorn a:app\n"}
    rules = ["TF02-no-lockfile", "TF02-unpinned"]
    assert [one for one in hits(files) if one[0] in rules] == []
    assert [one for one in hits(started) if one[0] in rules] == [
        ("TF02-no-lockfile", "pyproject.toml", 5),
        ("TF02-unpinned", "pyproject.toml", 5),
    ]


def verdict(item, files):
    code = Codebase.of(files)
    found = []
    return next(one.verdict.value for one in judge(code, found, witnesses(), relevances()) if one.item == item)


@pytest.mark.parametrize("item", ["I", "II", "V", "X"])
def test_a_plain_app_has_evidence_for_a_pass(item):
    assert verdict(item, BASE) == "pass"


def test_a_directory_of_texts_has_no_dependencies_and_no_processes():
    assert verdict("II", {"README.md": "hello\n"}) == "na"
    assert verdict("V", {"README.md": "hello\n"}) == "na"


@pytest.mark.parametrize(
    ("product", "version", "ended"),
    [
        ("python", "3.8.20", True),
        ("python", "3.13", False),
        ("python", "3", False),
        ("python", "3.1", True),
        ("node", "4.0.0", True),
        ("node", "24", False),
        ("node", "lts", False),
        ("debian", "10", True),
        ("cobol", "85", False),
    ],
)
def test_ends_of_life(product, version, ended):
    assert bool(eol.ended(product, version, date(2026, 6, 1))) is ended


@pytest.mark.parametrize(
    ("language", "told", "version"),
    [
        ("python", ">=3.12,<3.13", "3.12"),
        ("python", ">=3.8", ""),
        ("python", "~=3.12", "3.12"),
        ("node", "20.x", "20"),
        ("node", ">=20 <22", "20"),
        ("node", ">= 24", ""),
        ("node", "^20.1.0", "20.1.0"),
    ],
)
def test_a_range_that_means_one_release(language, told, version):
    assert runtimes.single(language, told) == version


@pytest.mark.parametrize(
    ("version", "exact"),
    [("==2.1", True), ("===2.1", True), ("==2.*", False), (">=2", False), ("", False),
     ("git+https://a/b.git@1f3a9c2", True), ("git+https://a/b.git@main", False), ("https://a/b-2.1.tar.gz", True)],
)  # fmt: skip
def test_an_exact_requirement(version, exact):
    assert locks.is_exact(version) is exact


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python -u manage.py runserver", "manage.py runserver"),
        ("npx next start", ""),
        ("next dev -p 3000", "next dev"),
        ("next", "next"),
        ("vite build", ""),
        ("flask --app shop run", "flask run"),
        ("flask db upgrade", ""),
        ("node --watch server.js", "node --watch"),
        ("gunicorn run:app", ""),
    ],
)
def test_development_servers(command, name):
    assert dev_server(Command(command, "Procfile", 1)) == name


@pytest.mark.parametrize(
    ("module", "distribution", "brought"),
    [
        ("pybars", "pybars3", True),
        ("storages", "django-storages", True),
        ("boto3", "botocore", False),
        ("jwt", "pyjwt", True),
    ],
)
def test_what_brings_a_module(module, distribution, brought):
    assert is_brought(module, [distribution]) is brought


def test_a_start_command_says_each_command_once_and_where():
    files = {
        "Procfile": "web: bash -c 'npm run go && ./go.sh'\n",
        "package.json": '{"scripts": {\n"go": "echo a; ./go.sh"}}',
        "go.sh": "#!/bin/sh\nset -e\nif true; then\n  one --two \\\n    three && npm run go\nfi\n",
    }
    chain = starts(Codebase.of(files))[0].chain
    assert [(one.words[0], one.path, one.line) for one in chain][:4] == [
        ("echo", "package.json", 2),
        ("set", "go.sh", 2),
        ("true", "go.sh", 3),
        ("one", "go.sh", 4),
    ]


def test_stages_that_end_up_in_an_image():
    text = "FROM a AS x\nFROM b AS y\nFROM x AS z\nCOPY --from=0 /a /a\nFROM c\nRUN --mount=type=bind,from=z,source=/a ls\n"
    stages = parse(Codebase.of({"Dockerfile": text}).files["Dockerfile"])
    assert [stage.line for stage in contributing(stages)] == [1, 3, 5]


JUNK = ["", "[]", "{", "null", '{"dependencies": [1], "scripts": 3, "engines": "x"}', "project = 3\n", "- a\n- {b: [c]}\n", "\0\xff", "a" * 5000,
        "services: [1]\njobs: x\n", '[project]\ndependencies = "x"\n[tool]\npoetry = 1\n', "FROM\nRUN\nCMD [\n", "<dependency>" * 50,
        '{"addons": [1, {"plan": 2, "options": 3}]}', "def (\n", "run: [x]\n", '"' * 99, "web: sh -c '\n"]  # fmt: skip
NAMES = ["package.json", "pyproject.toml", "Pipfile", "Pipfile.lock", "poetry.lock", "package-lock.json", "pom.xml", "Dockerfile", "Procfile",
         "docker-compose.yml", "app.json", "render.yaml", "fly.toml", "heroku.yml", "requirements.txt", "Gemfile", "go.mod", "app.py", "app.js",
         ".github/workflows/a.yml", "k8s/a.yaml", ".python-version", "system.properties", "settings.py", "Dockerrun.aws.json"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_junk_crashes_nothing(name, junk):
    code = Codebase.of(BASE | {name: junk})
    for rule in OWN:
        assert list(rule.check(code)) is not None
    for item in ("I", "II", "V", "X"):
        assert list(witnesses()[item](code)) is not None
