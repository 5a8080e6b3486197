"""A directory becomes a stream: which files go, that the bytes are always the same, and what git adds to it."""

import hashlib
import io
import os
import subprocess
import tarfile

import pytest

from twelve.core.errors import SourceError
from twelve.stages.source.arrive import arrive
from twelve.stages.source.digest import digest
from twelve.stages.source.pack import pack, pack_ref

GIT = [
    "git",
    "-c",
    "user.name=a",
    "-c",
    "user.email=a@example.com",
    "-c",
    "init.defaultBranch=main",
    "-c",
    "commit.gpgsign=false",
]


def write(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def git(root, *arguments):
    env = {"PATH": os.environ["PATH"], "HOME": os.fspath(root.parent), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run([*GIT, "-C", root, *arguments], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def packed(root):
    out = io.BytesIO()
    pack(root, out)
    return out.getvalue()


def shipped(root):
    with tarfile.open(fileobj=io.BytesIO(packed(root))) as tar:
        return sorted(name.removeprefix("source/") for name in tar.getnames())


@pytest.fixture
def app(tmp_path):
    root = tmp_path / "app"
    root.mkdir()
    return root


RULES = {  # ignore files and files -> what is shipped
    "plain": ({"a": "", "b/c": ""}, ["a", "b/c"]),
    "pattern": ({".gitignore": "*.log\n", "a.log": "", "d/b.log": "", "c": ""}, [".gitignore", "c"]),
    "anchored": ({".gitignore": "/build\n", "build/x": "", "src/build/y": ""}, [".gitignore", "src/build/y"]),
    "directory only": ({".gitignore": "out/\n", "out/x": "", "d/out": ""}, [".gitignore", "d/out"]),
    "negated": ({".gitignore": "*.txt\n!keep.txt\n", "a.txt": "", "keep.txt": ""}, [".gitignore", "keep.txt"]),
    "nothing comes back from an ignored directory": (
        {".gitignore": "d/\n!d/x\n", "d/x": "", "y": ""},
        [".gitignore", "y"],
    ),
    "nested": ({"d/.gitignore": "x\n", "x": "", "d/x": "", "d/e/x": ""}, ["d/.gitignore", "x"]),
    "nested negates the outer": (
        {".gitignore": "*.cfg\n", "d/.gitignore": "!own.cfg\n", "own.cfg": "", "d/own.cfg": "", "d/b.cfg": ""},
        [".gitignore", "d/.gitignore", "d/own.cfg"],
    ),
    "slugignore": ({".slugignore": "docs\n*.psd\n", "docs/a": "", "x/b.psd": "", "c": ""}, [".slugignore", "c"]),
    "secrets": ({".env": "A=1", "d/.env": "B=2", ".env.example": "A=", "c": ""}, [".env.example", "c"]),
    "leftovers": (
        {"node_modules/a/b": "", "x/__pycache__/y.pyc": "", ".venv/bin/python": "", ".git/config": "", "c": ""},
        ["c"],
    ),
}


@pytest.mark.parametrize(("files", "expected"), RULES.values(), ids=RULES.keys())
def test_ignore_rules_without_git(app, files, expected):
    write(app, {name: content for name, content in files.items() if not name.startswith(".git/")})
    assert shipped(app) == expected


@pytest.mark.parametrize(("files", "expected"), RULES.values(), ids=RULES.keys())
def test_ignore_rules_are_the_same_in_a_checkout(app, files, expected):
    write(app, {name: content for name, content in files.items() if not name.startswith(".git/")})
    git(app, "init", "-q")
    assert shipped(app) == expected


def test_tracked_files_are_shipped_even_when_ignored(app):
    write(app, {"keep.log": "1", "a": ""})
    git(app, "init", "-q")
    git(app, "add", "-A")
    git(app, "commit", "-qm", "x")
    write(app, {".gitignore": "*.log\n", "new.log": ""})
    assert shipped(app) == [".gitignore", "a", "keep.log"]


def test_a_deleted_tracked_file_is_not_shipped(app):
    write(app, {"a": "", "b": ""})
    git(app, "init", "-q")
    git(app, "add", "-A")
    (app / "b").unlink()
    assert shipped(app) == ["a"]


def test_a_subdirectory_of_a_checkout_ships_itself_only(app):
    write(app, {"one/a": "", "two/b": "", ".gitignore": "secret\n", "one/secret": ""})
    git(app, "init", "-q")
    assert shipped(app / "one") == ["a"]


def test_a_repository_inside_is_shipped_as_files(app):
    write(app, {"a": "", "sub/b": "", "sub/.gitignore": "c\n", "sub/c": ""})
    git(app / "sub", "init", "-q")
    git(app, "init", "-q")
    assert shipped(app) == ["a", "sub/.gitignore", "sub/b"]


def test_the_same_files_give_the_same_bytes(app, tmp_path):
    other = tmp_path / "elsewhere"
    for root, order in ((app, ["b", "a"]), (other, ["a", "b"])):
        root.mkdir(exist_ok=True)
        write(root, dict.fromkeys(order, "x"))
    os.utime(other / "a", (1, 1))
    assert hashlib.sha256(packed(app)).digest() == hashlib.sha256(packed(other)).digest()


def test_what_is_packed_arrives_with_the_digest_of_the_directory(app, tmp_path):
    write(app, {"a": "1", "d/b": "2"})
    (app / "d/run").write_text("#!/bin/sh\n")
    (app / "d/run").chmod(0o750)
    (app / "link").symlink_to("d/b")
    upload, into = tmp_path / "upload", tmp_path / "into"
    into.mkdir()
    upload.write_bytes(packed(app))
    assert arrive(upload, into).digest == digest(app)


def test_commit_and_dirty_state_travel_along(app, tmp_path):
    write(app, {"a": "1"})
    git(app, "init", "-q")
    git(app, "add", "-A")
    git(app, "commit", "-qm", "x")
    commit = git(app, "rev-parse", "HEAD")
    clean = pack(app, io.BytesIO())
    assert (clean.commit, clean.dirty, clean.description) == (commit, False, commit[:8])

    write(app, {"a": "2"})
    dirty = pack(app, io.BytesIO())
    assert (dirty.commit, dirty.dirty) == (commit, True)
    upload, into = tmp_path / "upload", tmp_path / "into"
    into.mkdir()
    upload.write_bytes(packed(app))
    source = arrive(upload, into)
    assert (source.commit, source.description) == (commit, f"{commit[:8]} with uncommitted changes")


def test_a_ref_is_packed_as_it_was_committed(app, tmp_path):
    write(app, {"a": "1"})
    git(app, "init", "-q")
    git(app, "add", "-A")
    git(app, "commit", "-qm", "x")
    git(app, "tag", "v1")
    write(app, {"a": "2", "b": ""})
    upload, into = tmp_path / "upload", tmp_path / "into"
    into.mkdir()
    with upload.open("wb") as out:
        ref = pack_ref(app, "v1", out)
    source = arrive(upload, into)
    assert source.commit == ref.commit == git(app, "rev-parse", "HEAD")
    assert (source.tree / "a").read_text() == "1"
    assert not (source.tree / "b").exists()


@pytest.mark.parametrize("ref", ["nowhere", "--output=/tmp/x", ""])
def test_an_unknown_ref_is_refused(app, ref):
    git(app, "init", "-q")
    with pytest.raises(SourceError, match=r"ref|tag"):
        pack_ref(app, ref, io.BytesIO())


def test_nothing_to_ship_is_an_error(app):
    with pytest.raises(SourceError, match="holds no files"):
        pack(app, io.BytesIO())
    with pytest.raises(SourceError, match="not a directory"):
        pack(app / "absent", io.BytesIO())


DIGESTS = {
    "a name": lambda root: (root / "a").rename(root / "z"),
    "a content": lambda root: (root / "a").write_text("2"),
    "the executable bit": lambda root: (root / "a").chmod(0o755),
    "a link's target": lambda root: ((root / "l").unlink(), (root / "l").symlink_to("b")),
    "a link that was a file": lambda root: ((root / "b").unlink(), (root / "b").symlink_to("1")),
    "a file more": lambda root: (root / "c").write_text(""),
}


@pytest.mark.parametrize("change", DIGESTS.values(), ids=DIGESTS.keys())
def test_the_digest_changes_with(app, change):
    write(app, {"a": "1", "b": "1"})
    (app / "l").symlink_to("a")
    before = digest(app)
    change(app)
    assert digest(app) != before


def test_the_digest_does_not_change_with_times_and_other_modes(app):
    write(app, {"a": "1"})
    before = digest(app)
    os.utime(app / "a", (1, 1))
    (app / "a").chmod(0o600)
    (app / "empty").mkdir()
    assert digest(app) == before
