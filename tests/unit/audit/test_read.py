"""Reading what nobody trusts: nothing is run, followed or loaded whole; what is left out is told in a sentence."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from twelve.audit import git
from twelve.audit.audit import audit
from twelve.audit.codebase import LARGEST, Codebase
from twelve.audit.facts.manifests import parsed_json, parsed_toml
from twelve.audit.facts.yamls import documents
from twelve.audit.model import Verdict
from twelve.audit.read import read
from twelve.core.errors import UsageError

MARK = "ran"


def repository(root):
    root.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "-q", "-b", "main", root], check=True)
    return root


def commit(root):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", root, "add", "-A", "-f"], check=True)
    subprocess.run(["git", "-C", root, *identity, "commit", "-q", "-m", "x"], check=True)


def paths(root):
    return set(read(root)[0].files)


@pytest.fixture(params=["git", "plain"])
def root(request, tmp_path):
    made = tmp_path / "app"
    made.mkdir()
    return repository(made) if request.param == "git" else made


def test_a_file_of_two_gigabytes_is_named_and_not_read(root):
    with (root / "big.py").open("wb") as file:
        file.truncate(2 << 30)
    code, notes = read(root)
    assert notes == ["big.py was not read: it is larger than 2 MiB."]
    assert code.files["big.py"].data == b""


def test_many_large_files_are_counted(root):
    for number in range(8):
        with (root / f"{number}.bin").open("wb") as file:
            file.truncate(LARGEST + 1)
    assert read(root)[1][-1] == "3 more files were not read: they are larger than 2 MiB."


@pytest.mark.parametrize("data", [os.urandom(5000) + b"\0", b"\0" * 9000, b"\x7fELF\0\0", b"PK\x03\x04\0"])
def test_binary_files_have_no_text(root, data):
    (root / "app.py").write_bytes(data)
    assert read(root)[0].files["app.py"].text == ""


def test_bytes_that_are_no_utf_8_become_replacement_characters(root):
    (root / "app.py").write_bytes(b"name = '\xff\xfe'  # \xe9t\xe9\r\n")
    file = read(root)[0].files["app.py"]
    assert file.text == "name = '\ufffd\ufffd'  # \ufffdt\ufffd\n"
    assert file.python is None


@pytest.mark.parametrize(
    "name", [b"a\nb.py", b"\xff\xfe.py", b"\x1b[2J.py", b"-rf.py", b" .py", b"*.py", "é.py".encode()]
)
def test_any_name_is_a_name(root, name):
    with open(os.fsencode(root) + b"/" + name, "wb") as file:  # noqa: PTH123 - a name in bytes
        file.write(b"import os\n")
    (file,) = read(root)[0].files.values()
    assert file.data == b"import os\n"
    file.path.encode()


def test_links_are_not_followed(root, tmp_path):
    (tmp_path / "secret.py").write_text("outside")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.py").write_text("outside")
    (root / "link.py").symlink_to(tmp_path / "secret.py")
    (root / "directory").symlink_to(tmp_path / "elsewhere")
    (root / "loop").symlink_to(root)
    (root / "self").symlink_to("self")
    (root / "a.py").write_text("inside")
    assert paths(root) == {"a.py"}
    assert read(root)[1] == ["Symbolic links were not followed: directory, link.py, loop, self."]


def test_code_that_was_not_read_speaks_for_nothing(root):
    (root / "Procfile").write_text("web: ./run\n")
    with (root / "app.py").open("wb") as file:
        file.truncate(LARGEST + 1)
    unknown = {one.item for one in audit(root).judgements if one.verdict is Verdict.UNKNOWN}
    assert {"III", "VI"} <= unknown
    (root / "app.py").write_text("x = 1\n")
    assert not {"III", "VI"} & {one.item for one in audit(root).judgements if one.verdict is Verdict.UNKNOWN}


def test_a_file_that_nothing_keeps_is_not_said_to_be_kept(root):
    (root / ".env").write_text("A=1\n")
    (root / "server.log").write_text("x\n")
    if is_kept := (root / ".git").exists():
        commit(root)
    told = [one.message for one in audit(root).findings if one.path in {".env", "server.log"}]
    assert len(told) == 2
    assert all(("under version control" in one) is is_kept for one in told)


@pytest.mark.parametrize(
    ("name", "text", "note"),
    [
        ("package.json", '{\n"a": 1,\n}', "package.json:3 cannot be read as JSON"),
        ("app.json", "[" * 100_000, "app.json cannot be read as JSON"),
        ("twelve.toml", "[[audit.ignore]]\nrule = TF03\n", "twelve.toml:2 cannot be read as TOML"),
        ("compose.yml", "a: b\n  c: d\n", "compose.yml:2 cannot be read as YAML"),
        ("compose.yml", "a: [\n", "compose.yml:2 cannot be read as YAML"),
        ("Procfile", "web: \0\n", "Procfile is not text"),
        ("package.json", '{"name": "a"}', ""),
        ("twelve.toml", "a = 1\n", ""),
        ("compose.yml", "services: {}\n---\nb: 1\n", ""),
        ("Procfile", "", ""),
    ],
)
def test_what_decides_and_cannot_be_read_is_told(root, name, text, note):
    (root / name).write_text(text)
    assert list(audit(root).notes) == ([f"{note}, so nothing in it counts."] if note else [])


def test_a_tracked_directory_that_became_a_link_leads_nowhere(tmp_path):
    root = repository(tmp_path / "app")
    (root / "sub").mkdir()
    (root / "sub" / "a.py").write_text("inside")
    commit(root)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.py").write_text("outside")
    (root / "sub" / "a.py").unlink()
    (root / "sub").rmdir()
    (root / "sub").symlink_to(tmp_path / "elsewhere")
    assert paths(root) == set()


def test_what_is_no_file_is_left_alone(root):
    os.mkfifo(root / "pipe.py")
    (root / "a.py").write_text("x = 1\n")
    assert paths(root) == {"a.py"}


def test_a_file_that_becomes_a_pipe_or_vanishes_has_no_text(root):
    (root / "a.py").write_text("x = 1\n")
    (root / "b.py").write_text("x = 1\n")
    code, _notes = read(root)
    (root / "a.py").unlink()
    (root / "b.py").unlink()
    os.mkfifo(root / "a.py")
    assert code.files["a.py"].data == b""
    assert code.files["b.py"].data == b""


def test_directories_as_deep_as_they_get(tmp_path):
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(2500):  # beyond the longest path and beyond Python's recursion
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    (tmp_path / "a.py").write_text("x = 1\n")
    assert "a.py" in paths(tmp_path)
    subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)


@pytest.mark.integration
def test_fifty_thousand_files(tmp_path):
    for number in range(50_000):
        if number % 1000 == 0:
            (tmp_path / str(number)).mkdir()
        os.close(os.open(tmp_path / str(number - number % 1000) / f"{number}.py", os.O_CREAT))
    began = time.process_time()
    code, _notes = read(tmp_path)
    assert len(code.files) == 50_000
    assert time.process_time() - began < 20


def test_more_files_than_anybody_has_are_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr("twelve.audit.read.MOST_FILES", 3)
    for name in "abcde":
        (tmp_path / name).touch()
    code, notes = read(tmp_path)
    assert len(code.files) == 3
    assert notes == ["Only the first 3 files were looked at."]


def programs(mark):
    """Every setting that names a program git might run while it looks at a repository."""
    run = f"sh -c 'touch {mark}; cat' "
    return f"""
[core]
    fsmonitor = {run}
    hooksPath = hooks
    pager = {run}
    editor = {run}
    sshCommand = {run}
    askPass = {run}
    alternateRefsCommand = {run}
    gitProxy = {run}
[diff]
    external = {run}
[diff "evil"]
    textconv = {run}
    command = {run}
[filter "evil"]
    clean = {run}
    smudge = {run}
    process = {run}
    required = true
[merge "evil"]
    driver = {run}
[alias]
    ls-files = !touch {mark}
    ls-tree = !touch {mark}
[remote "origin"]
    url = ext::{run}
    uploadpack = {run}
    promisor = true
    partialclonefilter = blob:none
[protocol "ext"]
    allow = always
[gpg]
    program = {run}
[log]
    showSignature = true
[credential]
    helper = !touch {mark}
[include]
    path = more
"""


def test_no_program_of_a_repository_is_run(tmp_path):
    from twelve.audit import changes

    root, mark = repository(tmp_path / "app"), tmp_path / MARK
    (root / "Procfile").write_text("web: gunicorn app:app --bind 127.0.0.1:$PORT\n")
    commit(root)
    hooks = root / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "pre-commit", "post-checkout", "fsmonitor-watchman", "query-watchman"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (hooks / name).chmod(0o755)
    (root / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    (root / ".git" / "config").write_text((root / ".git" / "config").read_text() + programs(mark))
    (root / ".git" / "more").write_text(f"[core]\n    fsmonitor = touch {mark}\n")
    (root / "Procfile").write_text("web: gunicorn app:app --bind 127.0.0.1:8000\n")
    for script in ("setup.py", "conftest.py", "gunicorn.conf.py"):
        (root / script).write_text(f"open({str(mark)!r}, 'w')\n")
    (root / "package.json").write_text(f'{{"scripts": {{"preinstall": "touch {mark}", "start": "touch {mark}"}}}}')
    made = audit(root, history="")
    assert made.findings
    assert any(not one.known for one in changes.since(made, root, "HEAD").findings)
    assert not mark.exists()


def test_a_missing_object_is_not_fetched(tmp_path):
    from twelve.audit import changes

    root, mark = repository(tmp_path / "app"), tmp_path / MARK
    (root / "a.py").write_text("old\n")
    commit(root)
    blob = git.asked(root, "rev-parse", "HEAD:a.py").decode().strip()
    (root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    (root / ".git" / "config").write_text((root / ".git" / "config").read_text() + programs(mark))
    (root / "a.py").write_text("new\n")
    assert changes.lines_since(root, "HEAD", ["a.py"]) == {"a.py": None}
    assert not mark.exists()


@pytest.mark.parametrize(
    "config", ["[core", "\0\xff", "[core]\n worktree = /etc\n", "[core]\n bare = true\n", "[include]\n path = /\n"]
)
def test_a_broken_or_lying_repository_is_still_a_directory(tmp_path, config):
    root = repository(tmp_path / "app")
    (root / "a.py").write_text("x = 1\n")
    (root / ".git" / "config").write_text(config)
    assert paths(root) == {"a.py"}


def test_a_directory_of_a_larger_repository_is_under_version_control(tmp_path):
    root = repository(tmp_path / "all")
    (root / "app").mkdir()
    (root / "app" / "a.py").touch()
    commit(root)
    (root / "app" / "new.py").touch()
    code, _notes = read(root / "app")
    assert code.version_control == "git"
    assert {file.path: file.tracked for file in code.files.values()} == {"a.py": True, "new.py": False}


def test_one_that_a_larger_repository_knows_nothing_of_is_not(tmp_path):
    root = repository(tmp_path / "home")
    (root / "app").mkdir()
    (root / "app" / "a.py").touch()
    code, _notes = read(root / "app")
    assert code.version_control == ""
    assert set(code.files) == {"a.py"}


def test_no_directory(tmp_path):
    with pytest.raises(UsageError, match="is not a directory"):
        read(tmp_path / "nothing")


DEEP = 100_000
LONG = 20_000
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghij", "bcdefghijk", strict=True)
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("package.json", "[" * DEEP),
        ("package.json", '{"a":' * DEEP + "1" + "}" * DEEP),
        ("package.json", '{"scripts": ["start"], "dependencies": [1], "engines": 3}'),
        ("package.json", "\ufeff{}"),
        ("pyproject.toml", "a = " + "[" * DEEP),
        ("pyproject.toml", 'project = "x"\ntool = 3\n'),
        ("pyproject.toml", "[project]\ndependencies = 3\n[tool.poetry]\ndependencies = 'x'\ngroup = [1]\n"),
        ("pyproject.toml", "a." * DEEP),
        ("pyproject.toml", '"a"."b" . ' * DEEP),
        ("docker-compose.yml", "[" * DEEP),
        ("docker-compose.yml", "- " * DEEP),
        ("docker-compose.yml", BOMB + "services: *k\n"),
        ("docker-compose.yml", "services: &s\n  web: *s\n"),
        ("docker-compose.yml", "services: [1, {}]\n? [a]\n: b\n"),
        ("app.py", "(" * DEEP),
        ("app.py", "-" * DEEP + "1"),
        ("app.py", "x" + ".y" * DEEP),
        ("app.py", "if x:\n" * 200),
        ("app.py", "x\n" * (1 << 20)),
        ("app.py", "def f(:\n"),
        ("app.py", "# coding: nonsense\nx = 1\n"),
        ("app.py", "'" * DEEP),
        ("app.js", "{" * DEEP),
        ("app.js", "x\n" * (1 << 20)),
        ("Dockerfile", "FROM a AS a\nFROM a AS b\nFROM b AS a\nCMD [" + '"x",' * 10_000),
        ("Dockerfile", "RUN <<A <<B\n" * 10_000),
        ("Dockerfile", "FROM a\nRUN x \\\n" * 50_000),
        ("Procfile", "web: " + "sh x.sh && " * 10_000),
        ("Procfile", "web: " + "tern " * LONG),
        ("Procfile", "web: " + "a" * 5 * LONG),
        ("Dockerfile", "FROM a\nRUN " + "curl http://a | " * LONG),
        ("app.js", "app.get('/', multer({ " * LONG),
        ("app.js", "process.env.A || " * LONG),
        ("app.py", "".join(f"import a{number}\n" for number in range(LONG))),
        ("app.rb", "ENV['A'] || " * LONG),
        ("main.go", "package main\n" + 'http.ListenAndServe(":80", nil) ' * LONG),
        ("A.java", 'String password = "a"; ' * LONG),
        ("package.json", '{"dependencies": {' + ",".join(f'"p{number}": "^1.0.0"' for number in range(LONG)) + "}}"),
        ("package.json", '{"scripts": {"start": "' + "a && " * LONG + '"}}'),
        ("compose.yaml", "services: {web: {build: ., command: " + "a " * LONG + "}}"),
        ("Gemfile", "gem 'a', " * LONG),
        ("go.mod", "module x\nrequire " + "a.b/c v1.0.0 " * LONG),
        ("pom.xml", "<project>" + "<dependency><groupId>a</groupId>" * LONG),
        (".env", "SECRET_KEY=" + "a1" * LONG),
        (".env", "A=b\n" * LONG),
        ("Procfile", "web: 'unclosed\n"),
        ("Procfile", "web: npm start\n"),
        ("requirements.txt", "-r requirements.txt\n" + "a==" * DEEP),
    ],
)  # fmt: skip
def test_no_text_is_too_much(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    began = time.process_time()
    audit(tmp_path)
    assert time.process_time() - began < 10


def test_scripts_that_call_each_other_end(tmp_path):
    (tmp_path / "Procfile").write_text("web: ./a.sh\n")
    for name in "ab":
        (tmp_path / f"{name}.sh").write_text("#!/bin/sh\n" + "./a.sh && ./b.sh\n" * 20)
    (tmp_path / "package.json").write_text('{"scripts": {"start": "npm start && npm start && npm run start"}}')
    began = time.process_time()
    audit(tmp_path)
    assert time.process_time() - began < 10


def test_yaml_knows_its_measure():
    file = Codebase.of({"a.yml": BOMB, "b.yml": "a: &a\n  b: *a\n", "c.yml": "a: &x {b: 1}\nc: *x\n"}).files
    assert documents(file["a.yml"]) == []
    assert documents(file["b.yml"]) == []
    assert documents(file["c.yml"]) == [{"a": {"b": "1"}, "c": {"b": "1"}}]


def test_data_that_is_none():
    file = Codebase.of({"a": "[" * DEEP}).files["a"]
    assert parsed_json(file) is None
    assert parsed_toml(file) == {}


@pytest.mark.integration
def test_memory_stays_bounded_with_everything_at_once(tmp_path):
    """In a process of its own, whose peak is measured."""
    for number in range(12):
        (tmp_path / f"{number}.py").write_text("import logging, os\n" + "x = [os.environ]\n" * 20_000)
    with (tmp_path / "big").open("wb") as file:
        file.truncate(2 << 30)
    script = f"""
from pathlib import Path
from twelve.audit.audit import audit
audit(Path({str(tmp_path)!r}))
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", script], check=True, cwd=root, capture_output=True, text=True)
    assert int(done.stdout) < 400 << 10  # of this program alone: ru_maxrss begins with what its parent takes
