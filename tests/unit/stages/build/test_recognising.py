"""Which languages a codebase is, what it declares, what it would run, and what its layers are keyed by."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from twelve.core.errors import BadManifest, BadProcfile, BuildError, MissingInterpreter
from twelve.core.model import AppManifest
from twelve.stages.build import declared, facts, python_project, recognise
from twelve.stages.build.language import layer_key
from twelve.stages.build.workshop import Host

FIXTURES = Path(__file__).parents[3] / "fixtures"


def write(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def languages(tree, types=None):
    return recognise.languages(tree, types, Host(tree / ".cache"), tree / ".components")


def keys(tree):
    return {language.name: layer_key(language) for language in languages(tree, {"web": "x"})}


RECOGNISED = {
    "requirements": ({"requirements.txt": "flask"}, ["python"], "requirements.txt"),
    "uv before requirements": ({"uv.lock": "", "requirements.txt": ""}, ["python"], "uv.lock"),
    "poetry": ({"poetry.lock": "", "pyproject.toml": "[tool.poetry]"}, ["python"], "poetry.lock"),
    "pipenv": ({"Pipfile.lock": '{"default": {}}'}, ["python"], "Pipfile.lock"),
    "a project without lock": ({"pyproject.toml": "[project]\nname='x'"}, ["python"], "pyproject.toml"),
    "a pyproject of tools only": (
        {"pyproject.toml": "[tool.ruff]", "requirements.txt": ""},
        ["python"],
        "requirements.txt",
    ),
    "setup.py": ({"setup.py": ""}, ["python"], "setup.py"),
    "scripts": ({"web.py": ""}, ["python"], "Python 3"),
    "node": ({"package.json": '{"scripts": {"start": "x"}}'}, ["node"], "Node"),
    "both": ({"package.json": "{}", "requirements.txt": ""}, ["python", "node"], "requirements.txt"),
    "static": ({"index.html": ""}, ["static"], "Static"),
    "static in public": ({"public/index.html": ""}, ["static"], "Static"),
    "static built by node": (
        {"package.json": '{"scripts": {"build": "vite"}}', "index.html": ""},
        ["node", "static"],
        "Node",
    ),
    "node that serves": ({"package.json": '{"main": "x.js"}', "x.js": "", "index.html": ""}, ["node"], "Node"),
}


@pytest.mark.parametrize(("files", "names", "title"), RECOGNISED.values(), ids=RECOGNISED.keys())
def test_languages(tmp_path, files, names, title):
    found = languages(write(tmp_path, files))
    assert [language.name for language in found] == names
    assert title in found[0].title


def test_a_procfile_alone_is_enough(tmp_path):
    assert languages(write(tmp_path, {"run.sh": ""}), {"web": "sh run.sh"}) == []


def test_nothing_recognised_says_what_was_looked_for(tmp_path):
    write(tmp_path, {"README.md": "", "apps/one/requirements.txt": ""})
    with pytest.raises(BuildError, match=r"Procfile.*requirements\.txt.*package\.json.*index\.html"):
        languages(tmp_path)


BROKEN = {
    "uv.lock": ({"uv.lock": '[[package]]\nname = "x\n'}, BadManifest, "uv.lock:2"),
    "pyproject.toml": ({"pyproject.toml": "[project\n"}, BadManifest, "pyproject.toml:1"),
    "Pipfile.lock": ({"Pipfile.lock": '{\n "default": {,}\n}'}, BadManifest, "Pipfile.lock:2:14"),
    "package.json": ({"package.json": '{"name": }'}, BadManifest, "package.json:1:10"),
    "package.json of another shape": ({"package.json": "[]"}, BadManifest, "package.json:1"),
    "package-lock.json": (
        {"package.json": "{}", "package-lock.json": "<<<<<<< HEAD"},
        BadManifest,
        "package-lock.json:1:1",
    ),
    "a Pipfile without lock": ({"Pipfile": ""}, BuildError, "Pipfile"),
    "no such Node": ({"package.json": '{"engines": {"node": "12.x"}}'}, MissingInterpreter, "package.json"),
    "no range of Nodes": ({"package.json": '{"engines": {"node": "new"}}'}, BadManifest, "package.json"),
    "a Python nobody has": ({".python-version": "3.99"}, MissingInterpreter, ".python-version:1"),
}


@pytest.mark.parametrize(("files", "kind", "where"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_files_are_named_with_their_place(tmp_path, files, kind, where):
    with pytest.raises(kind) as caught:
        languages(write(tmp_path, files))
    assert str(caught.value).startswith(where)


KEYED = {  # files, a change to them, whether the dependency layer is another one
    "code": ({"requirements.txt": "a", "web.py": "1"}, {"web.py": "2"}, False),
    "a requirement": ({"requirements.txt": "a"}, {"requirements.txt": "b"}, True),
    "an included file": ({"requirements.txt": "-r r/base.txt", "r/base.txt": "a"}, {"r/base.txt": "b"}, True),
    "a constraint of an included file": (
        {"requirements.txt": "-r r/base.txt", "r/base.txt": "-c c.txt", "r/c.txt": "a<1"},
        {"r/c.txt": "a<2"},
        True,
    ),
    "a file not included": (
        {"requirements.txt": "a", "requirements-dev.txt": "b"},
        {"requirements-dev.txt": "c"},
        False,
    ),
    "the code of a package": (
        {"uv.lock": "", "pyproject.toml": "[build-system]", "src/a/x.py": "1"},
        {"src/a/x.py": "2"},
        False,
    ),
    "a new top-level package": (
        {"uv.lock": "", "pyproject.toml": "[build-system]", "src/a/x.py": ""},
        {"src/b/x.py": ""},
        True,
    ),
    "a local requirement's metadata": (
        {"requirements.txt": "-e ./libs/a", "libs/a/pyproject.toml": "1"},
        {"libs/a/pyproject.toml": "2"},
        True,
    ),
    "node code": ({"package.json": '{"dependencies": {"a": "1"}}', "x.js": "1"}, {"x.js": "2"}, False),
    "a node lock": (
        {"package.json": '{"dependencies": {"a": "1"}}', "package-lock.json": "{}"},
        {"package-lock.json": '{"a": 1}'},
        True,
    ),
    "a workspace": (
        {"package.json": '{"workspaces": ["p/*"]}', "p/a/package.json": "{}"},
        {"p/a/package.json": "{ }"},
        True,
    ),
    "code an install script may read": (
        {"package.json": '{"dependencies": {"a": "1"}, "scripts": {"postinstall": "x"}}', "x.js": "1"},
        {"x.js": "2"},
        True,
    ),
}


@pytest.mark.parametrize(("files", "change", "other"), KEYED.values(), ids=KEYED.keys())
def test_what_a_dependency_layer_is_keyed_by(tmp_path, files, change, other):
    before = keys(write(tmp_path, files))
    assert (keys(write(tmp_path, change)) != before) is other


def test_a_circle_of_requirements_ends(tmp_path):
    write(tmp_path, {"requirements.txt": "-r a.txt\n-r ../outside.txt", "a.txt": "-r requirements.txt"})
    assert python_project.requirements_files(tmp_path) == ["a.txt", "requirements.txt"]


def test_declared(tmp_path):
    app_json = """{"addons": ["heroku-postgresql:mini"], "env": {
        "A": {"required": true}, "B": "value", "C": {"generator": "secret"}, "D": {"required": false}}}"""
    example = "# D=\nREDIS_URL=\nB=\nE=\n"
    said = declared.read(write(tmp_path, {"Procfile": "web: x\n", "app.json": app_json, ".env.example": example}))
    assert said.process_types == {"web": "x"}
    assert said.required_keys == {"A": "app.json", "REDIS_URL": ".env.example:2", "E": ".env.example:4"}


def test_a_broken_procfile_shows_the_line_and_a_caret():
    with pytest.raises(BadProcfile) as caught:
        declared.read(FIXTURES / "badprocfile")
    assert str(caught.value).startswith("Procfile:2:")
    assert caught.value.log[-1].strip() == "^"


def test_nothing_declared(tmp_path):
    said = declared.read(tmp_path)
    assert (said.process_types, said.required_keys) == (None, {})


def test_facts(tmp_path):
    files = {
        "requirements.txt": "Flask==3\nPsycopg[binary]>=3 ; python_version > '3'\n-r more.txt\n# no\n",
        "more.txt": "celery\n",
        "shop/app.py": "import os\nfrom flask import Flask\napplication = Flask(__name__)\nK = os.environ['KEY']\n",
        "shop/tasks.py": "from celery import Celery\nqueue = Celery('x')\nD = os.getenv('DEBUG')\nE = os.environ.get('E', 1)\n",
        "shop/factory.py": "def create_app(config=None):\n    app = Flask(__name__)\n    return app\n",
        "tests/test_x.py": "app = Flask(__name__)\n",
        "broken.py": "def environ(:\n",
        "package.json": '{"dependencies": {"Express": "1"}, "scripts": {"start": "node x"}, "main": "x.js"}',
    }
    found = facts.gather(write(tmp_path, files), "shop")
    assert found.wsgi_apps == ("shop.app:application", "shop.factory:create_app()")
    assert found.celery_apps == ("shop.tasks",)
    assert found.required_keys == {"KEY": "shop/app.py:4"}
    assert found.optional_keys == {"DEBUG": "shop/tasks.py:3", "E": "shop/tasks.py:4"}
    assert {"flask", "psycopg", "celery"} <= found.dependencies
    assert (found.npm_scripts, found.npm_main) == ({"start": "node x"}, "x.js")


def test_an_app_made_by_a_function_of_the_same_module(tmp_path):
    files = {
        "app/main.py": "def get_application() -> FastAPI:\n    return FastAPI()\n\napp = get_application()\n",
        "old/main.py": "def build():\n    return flask.Flask('x')\n\nserver = build()\nother = len('x')\n",
    }
    found = facts.gather(write(tmp_path, files))
    assert (found.asgi_apps, found.wsgi_apps) == (("app.main:app",), ("old.main:server",))


def test_facts_of_django(tmp_path):
    manage = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site.settings")'
    assert facts.gather(write(tmp_path, {"manage.py": manage})).django_settings == "site.settings"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"go.mod": "module x", "main.go": ""},
            r"^Go \(go\.mod\) is not built here, only Python, Node and static sites",
        ),
        ({"Gemfile": "", "Rakefile": ""}, r"^Ruby \(Gemfile\) is not built here"),
    ],
)
def test_a_language_nobody_here_builds_is_called_by_its_name(tmp_path, files, said):
    tree = write(tmp_path, files)
    with pytest.raises(BuildError, match=said):
        languages(tree)
    lines = []
    progress = SimpleNamespace(step=lines.append, line=lines.append)
    said_itself = declared.Declared({"web": "bin/server"}, AppManifest())
    assert languages(tree, said_itself.process_types) == []
    assert recognise.process_types(tree, said_itself, [], progress) == {"web": "bin/server"}
    assert len(lines) == 1
    assert "is not built here" in lines[0]


POETRY = """
[build-system]
requires = ["poetry-core"]
[tool.poetry]
name = "Shop-Site"
"""


@pytest.mark.parametrize(
    ("packages", "files", "installs"),
    [
        ("", [], False),
        ("", ["shop_site/__init__.py"], True),
        ("", ["src/shop_site/__init__.py"], True),
        ('packages = [{ include = "app" }]', ["app/main.py"], True),
        ('packages = [{ include = "app", from = "lib" }]', ["lib/app/main.py"], True),
        ('packages = [{ include = "app/**/*.py" }]', ["app/main.py"], True),
        ('packages = [{ include = "gone" }]', ["app/main.py"], False),  # poetry itself would not install it either
    ],
)
def test_whether_a_poetry_project_installs_itself(tmp_path, packages, files, installs):
    tree = write(tmp_path, {"poetry.lock": "", "pyproject.toml": POETRY + packages, **dict.fromkeys(files, "")})
    assert python_project.read(tree).package is installs
