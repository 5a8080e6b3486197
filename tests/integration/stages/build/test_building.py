"""Real builds of small codebases: uv and npm in the sandbox, layers made, reused, shared and never left half-made."""

import json
import os
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from twelve.core.errors import BadManifest, BuildError
from twelve.core.model import Source
from twelve.infra.files import copy_tree, remove_tree
from twelve.infra.settings import Settings
from twelve.stages.build.builder import Builder
from twelve.stages.build.sandbox import Sandbox, bubblewrap_works
from twelve.stages.build.workshop import Host
from twelve.stages.source.digest import digest

pytestmark = pytest.mark.integration

FIXTURES = Path(__file__).parents[3] / "fixtures"
SIX = "sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274"


class Memory:
    """The slug store in memory; the one on Postgres has tests of its own."""

    def __init__(self):
        self.slugs = {}

    def by_digest(self, wanted):
        return self.slugs.get(wanted)

    def save(self, slug):
        return self.slugs.setdefault(slug.digest, slug)

    def list(self):
        return list(self.slugs.values())

    def remove(self, digests):
        for one in digests:
            self.slugs.pop(one, None)


class Told:
    def __init__(self):
        self.steps, self.lines = [], []

    def step(self, text):
        self.steps.append(text)

    def line(self, text):
        self.lines.append(text)

    @property
    def text(self):
        return "\n".join([*self.steps, *self.lines])


class Place:
    """A TWELVE_HOME with a builder; packages come from the cache of this machine's user, as always."""

    def __init__(self, root, sandbox=None):
        self.root = root
        self.settings = Settings(home=root / "home")
        self.settings.make_directories()
        # a tool's wheel is the same in every home: it is installed once for all tests
        self.host = Host(self.settings.cache)
        self.store = Memory()
        self.builder = Builder(self.settings, self.store, sandbox=sandbox, host=self.host)
        self.count = 0

    def source(self, files):
        self.count += 1
        tree = self.root / f"source{self.count}"
        for name, content in files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return Source(tree, digest(tree))

    def build(self, files):
        told = Told()
        return self.builder.build(self.source(files), told), told

    def layers(self):
        return sorted(path.name for path in self.settings.layers.iterdir() if not path.name.startswith(".lock-"))


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    remove_tree(tmp_path)


def run(slug, argv, tmp_path, writable=True):
    """A command in the slug, its layers at /app as a process sees them."""
    from twelve.infra.components import bubblewrap

    layers = [part for layer in slug.layers for part in ("--overlay-src", os.fspath(layer.path))]
    binds = [part for path in slug.binds for part in ("--ro-bind", path, path)]
    system = ["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"]
    system += ["--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    inside = [
        *layers,
        "--tmp-overlay",
        "/app",
        "--chdir",
        "/app",
        "--unshare-user",
        "--uid",
        "1000",
        "--cap-drop",
        "ALL",
    ]
    env = {**slug.env, "PATH": f"{slug.env.get('PATH', '')}:/usr/bin:/bin", "HOME": "/app"}
    command = [bubblewrap(), *system, *binds, *inside, *argv]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


REQUIREMENTS = {
    "Procfile": "web: python web.py\n",
    "requirements.txt": "six==1.17.0\n",
    "web.py": "import six\nprint(six.__version__)\n",
}


def test_requirements_run_from_the_slug(place, tmp_path):
    slug, told = place.build(REQUIREMENTS)

    done = run(slug, ["python", "web.py"], tmp_path)

    assert (done.stdout, done.returncode) == ("1.17.0\n", 0), done.stderr
    assert slug.process_types == {"web": "python web.py"}
    assert [layer.kind for layer in slug.layers] == ["dependencies", "app"]
    assert told.steps[0].startswith("Python 3.")
    assert "requirements.txt" in told.steps[0]
    assert any("Installed 1 package" in line for line in told.lines)
    compiled = list(slug.layers[0].path.rglob("six*.pyc"))
    assert compiled
    assert compiled[0].read_bytes()[4:8] == b"\1\0\0\0"  # unchecked-hash


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="from Python 3.12 on no environment comes with setuptools")
def test_an_old_python_comes_with_pkg_resources_as_ever(place, tmp_path):
    slug, _ = place.build({**REQUIREMENTS, "web.py": "import pkg_resources\nprint('there')\n"})

    done = run(slug, ["python", "-W", "ignore", "web.py"], tmp_path)

    assert (done.stdout, done.returncode) == ("there\n", 0), done.stderr


def test_the_same_source_is_the_same_slug_and_a_code_change_only_a_new_app_layer(place):
    first, _ = place.build(REQUIREMENTS)
    again, told = place.build(REQUIREMENTS)
    assert again == first
    assert told.steps == [f"Using slug {first.digest[:8]} (nothing changed)"]

    started = time.monotonic()
    changed, told = place.build({**REQUIREMENTS, "web.py": "print(2)\n"})
    assert time.monotonic() - started < 0.5
    assert changed.id != first.id
    assert changed.layers[0] == first.layers[0]
    assert changed.layers[1] != first.layers[1]
    assert any("earlier build" in line for line in told.lines)


def test_a_slug_whose_layers_are_gone_is_made_again(place):
    slug, _ = place.build(REQUIREMENTS)
    remove_tree(slug.layers[0].path)
    again, told = place.build(REQUIREMENTS)
    assert again.digest == slug.digest
    assert again.layers[0].path.is_dir()
    assert not any(step.startswith("Using slug") for step in told.steps)


def test_two_homes_make_the_same_bytes(tmp_path):
    slugs = [Place(tmp_path / name).build(REQUIREMENTS)[0] for name in ("one", "two")]
    assert slugs[0].id == slugs[1].id
    for first, second in zip(slugs[0].layers, slugs[1].layers, strict=True):
        assert first.key == second.key
        assert digest(first.path) == digest(second.path)
    remove_tree(tmp_path)


def test_two_builds_at_the_same_time_make_one_layer(place):
    told = [Told(), Told(), Told()]
    sources = [place.source(REQUIREMENTS) for _ in told]
    slugs = []
    builds = [
        threading.Thread(target=lambda s=s, t=t: slugs.append(place.builder.build(s, t)))
        for s, t in zip(sources, told, strict=True)
    ]
    for build in builds:
        build.start()
    for build in builds:
        build.join()
    assert len({slug.id for slug in slugs}) == 1
    assert len(slugs) == 3
    assert sum("Installed 1 package" in one.text for one in told) == 1
    assert place.layers() == [slugs[0].layers[0].key]


BAD = {
    "a line uv cannot read": ("six==1.17.0\n\n===bad[\n", BadManifest, "requirements.txt:3:1: "),
    "an unknown package": ("six\nno-such-package-of-anyone-4711==1\n", BuildError, "requirements.txt:2: "),
    "an unknown version": ("six==99.99\n", BuildError, "requirements.txt:1: "),
    "another hash": (f"six==1.16.0 --hash={SIX}\n", BuildError, "requirements.txt:1: "),
    "an absent file": ("six\n-r nowhere.txt\n", BadManifest, "requirements.txt:2: "),
}


@pytest.mark.parametrize(("text", "kind", "where"), BAD.values(), ids=BAD.keys())
def test_a_bad_requirement_is_named_and_keeps_no_half_layer(place, text, kind, where):
    with pytest.raises(kind) as caught:
        place.build({**REQUIREMENTS, "requirements.txt": text})
    assert str(caught.value).startswith(where)
    assert "\n" not in str(caught.value)
    assert 0 < len(caught.value.log) <= 20
    assert place.layers() == []


UV_PROJECT = """[project]
name = "shop"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["six==1.17.0"]
[project.scripts]
shop = "shop:main"
[build-system]
requires = ["uv_build>=0.9,<0.14"]
build-backend = "uv_build"
"""


@pytest.fixture
def uv_files(tmp_path):
    from twelve.infra.components import uv

    root = tmp_path / "locking"
    root.mkdir()
    (root / "pyproject.toml").write_text(UV_PROJECT)
    subprocess.run([uv(), "lock", "--quiet", "--python", sys.executable], cwd=root, check=True)
    code = "import six\ndef main():\n    print('shop', six.__version__)\n"
    return {
        "Procfile": "web: shop\n",
        "pyproject.toml": UV_PROJECT,
        "uv.lock": (root / "uv.lock").read_text(),
        "src/shop/__init__.py": code,
    }


def test_a_uv_project_runs_from_where_it_lies(place, uv_files, tmp_path):
    slug, told = place.build(uv_files)
    assert run(slug, ["shop"], tmp_path).stdout == "shop 1.17.0\n"
    assert "uv.lock" in told.steps[0]

    changed, _ = place.build({**uv_files, "src/shop/__init__.py": "def main():\n    print('changed')\n"})
    assert changed.layers[0] == slug.layers[0]
    assert run(changed, ["shop"], tmp_path).stdout == "changed\n"


def test_a_uv_lock_that_is_no_lock_is_refused(place, uv_files):
    with pytest.raises(BadManifest, match=r"^uv\.lock"):
        place.build({**uv_files, "uv.lock": uv_files["uv.lock"].replace("source = { registry", "sauce = { registry")})
    assert place.layers() == []


def test_pipfile_and_poetry_locks(place, tmp_path):
    pipfile = {"_meta": {}, "default": {"six": {"version": "==1.17.0", "hashes": [SIX]}}}
    slug, _ = place.build({"Procfile": "web: x\n", "Pipfile.lock": json.dumps(pipfile)})
    assert run(slug, ["python", "-c", "import six; print(six.__version__)"], tmp_path).stdout == "1.17.0\n"

    lock = f'[[package]]\nname = "six"\nversion = "1.17.0"\nfiles = [{{file = "six.whl", hash = "{SIX}"}}]\n'
    project = '[tool.poetry.dependencies]\npython = "^3.8"\nsix = "^1.17"\n'
    slug, _ = place.build({"Procfile": "web: x\n", "poetry.lock": lock, "pyproject.toml": project})
    assert run(slug, ["python", "-c", "import six; print(six.__version__)"], tmp_path).stdout == "1.17.0\n"

    with pytest.raises(BuildError, match="Hash mismatch"):
        place.build({"Procfile": "web: x\n", "poetry.lock": lock.replace("4721", "1274"), "pyproject.toml": project})


DJANGO = {
    "requirements.txt": "django==5.2.7\n",
    "manage.py": "import os, sys\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
    "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n",
    "shop/__init__.py": "",
    "shop/settings.py": "import pathlib\nSECRET_KEY = 'x'\nINSTALLED_APPS = ['django.contrib.staticfiles']\nSTATIC_URL = 's/'\n"
    "STATIC_ROOT = pathlib.Path(__file__).parent.parent / 'collected'\nSTATICFILES_DIRS = ['/app/assets']\n",
    "assets/site.css": "body {}",
}


def test_django_collects_its_static_files_and_goes_on_when_it_cannot(place):
    slug, told = place.build(DJANGO)
    assert (slug.layers[-1].path / "collected/site.css").read_text() == "body {}"
    assert not (slug.layers[-1].path / ".venv").exists()
    assert "Collecting static files" in told.steps
    assert slug.process_types["release"] == "python manage.py migrate --noinput"

    needs_config = DJANGO["shop/settings.py"].replace("'x'", "__import__('os').environ['SECRET_KEY']")
    slug, told = place.build({**DJANGO, "shop/settings.py": needs_config})
    assert any("collectstatic failed" in line for line in told.lines)
    assert not (slug.layers[-1].path / "collected").exists()


PACKAGE = {
    "name": "tiny",
    "version": "1.0.0",
    "scripts": {"build": "node build.js"},
    "dependencies": {"is-number": "7.0.0"},
}
LOCK = {
    "name": "tiny",
    "version": "1.0.0",
    "lockfileVersion": 3,
    "requires": True,
    "packages": {
        "": {"name": "tiny", "version": "1.0.0", "dependencies": {"is-number": "7.0.0"}},
        "node_modules/is-number": {
            "version": "7.0.0",
            "integrity": "sha512-41Cifkg6e8TylSpdtTpeLVMqvSBEVzTttHvERD741+pnZ8ANv0004MRL43QKPDlK9cGvNp6NZWZUBlbGXYxxng==",
        },
    },
}
BUILD = """const fs = require("fs"), dns = require("dns"), check = require("is-number");
fs.mkdirSync("dist"); fs.writeFileSync("dist/index.html", `<h1>${check(5)}</h1>`);
fs.writeFileSync("node_modules/.cache-of-a-tool", "x");
dns.lookup("example.com", (error) => fs.writeFileSync("dist/network.txt", error ? "off" : "on"));
"""
NODE = {"package.json": json.dumps(PACKAGE), "package-lock.json": json.dumps(LOCK), "build.js": BUILD}


def test_node_is_installed_built_without_network_and_served(place, tmp_path):
    slug, told = place.build(NODE)
    app = slug.layers[-1].path
    assert (app / "dist/index.html").read_text() == "<h1>true</h1>"
    assert (app / "dist/network.txt").read_text() == "off"
    assert not (app / "node_modules").exists()
    assert not list(slug.layers[0].path.rglob(".cache-of-a-tool"))
    assert slug.languages == ("node", "static")
    assert "Building: npm run build" in told.steps
    assert run(slug, ["npm", "--version"], tmp_path).returncode == 0

    served = serve(slug)
    assert served["/"] == (200, "<h1>true</h1>")
    assert served["/absent"][0] == 404

    stale = json.dumps({**PACKAGE, "dependencies": {"is-number": "6.0.0"}}, indent=1)
    with pytest.raises(BadManifest, match=r"^package-lock\.json: .*does not agree with package\.json"):
        place.build({**NODE, "package.json": stale})
    with pytest.raises(BuildError, match=r"^package\.json:1: `npm run build` failed with status 3") as caught:
        place.build({**NODE, "build.js": "console.log('no way'); process.exit(3)"})
    assert "no way" in caught.value.log


def serve(slug):
    """What the slug's web process answers, run as the command says, with /app for its files."""
    import socket

    from twelve.infra.components import bubblewrap

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    layers = [part for layer in slug.layers for part in ("--overlay-src", os.fspath(layer.path))]
    binds = [part for path in ("/usr", *slug.binds) for part in ("--ro-bind", path, path)]
    links = [part for name in ("bin", "lib", "lib64") for part in ("--symlink", f"usr/{name}", f"/{name}")]
    rest = ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", *layers, "--tmp-overlay", "/app", "--chdir", "/app"]
    argv = [bubblewrap(), *binds, *links, *rest, "--unshare-user", "--unshare-pid", "--die-with-parent"]
    env = {**slug.env, "PATH": f"{slug.env['PATH']}:/usr/bin:/bin", "PORT": str(port)}
    web = subprocess.Popen(
        [*argv, "sh", "-c", f"exec {slug.process_types['web']}"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        until_listening(port, web)
        return {path: get(port, path) for path in ("/", "/absent", "/.venv/pyvenv.cfg", "/style.css")}
    finally:
        web.kill()
        web.communicate()


def until_listening(port, web):
    deadline = time.monotonic() + 10
    while True:
        try:
            return get(port, "/")
        except OSError:
            assert web.poll() is None, web.stdout.read().decode()
            assert time.monotonic() < deadline
            time.sleep(0.02)


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_static_site_is_served_without_what_runs_it(place):
    tree = place.root / "site"
    copy_tree(FIXTURES / "static-site", tree)
    slug = place.builder.build(Source(tree, digest(tree)), Told())
    served = serve(slug)
    assert served["/"] == (200, (tree / "index.html").read_text())
    assert served["/style.css"] == (200, (tree / "style.css").read_text())
    assert served["/.venv/pyvenv.cfg"][0] == 404


def test_a_procfile_alone_has_only_an_app_layer(place, tmp_path):
    slug, _ = place.build({"Procfile": "web: sh run.sh\n", "run.sh": "echo here; echo more > log; cat log"})
    assert [layer.kind for layer in slug.layers] == ["app"]
    assert run(slug, ["sh", "run.sh"], tmp_path).stdout == "here\nmore\n"
    assert not (slug.layers[0].path / "log").exists()


SPY = """import os, pathlib, setuptools
seen = {
    "env": sorted(os.environ),
    "source": os.getcwd(),
    "home": os.path.exists(HOME),
    "uid": os.getuid(),
    "processes": [name for name in os.listdir("/proc") if name.isdigit()],
}
pathlib.Path("/app/changed").write_text("x")
raise SystemExit("SEEN " + __import__("json").dumps(seen))
"""


@pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is refused on this machine")
def test_a_build_sees_neither_the_host_nor_its_secrets_and_cannot_change_the_source(place, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    monkeypatch.setenv("TWELVE_SECRET_KEY", "secret")
    spy = SPY.replace("HOME", repr(os.fspath(place.settings.home)))
    source = place.source({"Procfile": "web: x\n", "setup.py": spy})
    with pytest.raises(BuildError) as caught:
        place.builder.build(source, told := Told())
    line = next(line for line in told.lines if "SEEN" in line)
    seen = json.loads(line[line.index("{") :])
    assert not {"DATABASE_URL", "TWELVE_SECRET_KEY"} & set(seen["env"])
    assert seen["home"] is False
    assert seen["uid"] == 1000
    assert len(seen["processes"]) < 10
    assert not (source.tree / "changed").exists()
    assert caught.value.exit_code == 20
    assert place.layers() == []


def test_plain_processes_make_the_same_layer_and_say_so(tmp_path, uv_files):
    confined, plain = Place(tmp_path / "one"), Place(tmp_path / "two", Sandbox(plain=True))
    first, _ = confined.build(uv_files)
    second, told = plain.build(uv_files)
    assert any("bubblewrap" in line for line in told.lines)
    assert first.id == second.id
    layer = second.layers[0].path
    leaks = [path for path in layer.rglob("*") if path.is_file() and os.fsencode(tmp_path) in path.read_bytes()]
    assert leaks == []
    assert run(second, ["shop"], tmp_path).stdout == "shop 1.17.0\n"
    remove_tree(tmp_path)


def test_layers_are_read_only_below_an_overlay_an_app_may_write_in(place, tmp_path):
    slug, _ = place.build({**REQUIREMENTS, "data/file": "old", "bin/tool": "#!/bin/sh\n"})
    dependencies, app = (layer.path for layer in slug.layers)
    module = next(dependencies.rglob("six.py"))
    assert stat.S_IMODE(module.stat().st_mode) == 0o444
    assert stat.S_IMODE(dependencies.stat().st_mode) == 0o555
    assert stat.S_IMODE(app.stat().st_mode) == 0o555
    script = "echo new > data/file && echo x > data/other && echo y > top && cat data/file"
    assert run(slug, ["sh", "-c", script], tmp_path).stdout == "new\n"
    assert (app / "data/file").read_text() == "old"
    assert not (app / "top").exists()


def test_prune_keeps_what_is_referred_to_and_clears_the_rest(place):
    old, _ = place.build(REQUIREMENTS)
    new, _ = place.build({**REQUIREMENTS, "web.py": "2"})
    other, _ = place.build({"Procfile": "web: x\n"})
    half_made = place.settings.layers / ".staging-dead.1234"
    (half_made / "deep").mkdir(parents=True)

    assert place.builder.prune({new.digest}) == 3

    assert not half_made.exists()
    assert not old.layers[1].path.exists()
    assert not other.layers[0].path.exists()
    assert all(layer.path.is_dir() for layer in new.layers)
    assert place.store.list() == [new]
    assert place.builder.prune({new.digest}) == 0
