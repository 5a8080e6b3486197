"""What has changed since a commit, in a real repository."""

import subprocess

import pytest

from twelve.audit import changes
from twelve.audit.audit import audit
from twelve.core.errors import UsageError


class Repository:
    def __init__(self, root):
        self.root = root
        root.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *words], cwd=self.root, check=True, capture_output=True)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(text.encode())

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")

    def lines(self, ref, *paths, below="."):
        return changes.lines_since(self.root / below, ref, paths)


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path / "shop")
    made.write("a.py", "1\n2\n3\n")
    made.write("sub/b.py", "1\n")
    made.commit()
    return made


def test_lines_that_are_new_or_different(repository):
    repository.write("a.py", "0\n1\n2\nthree\n")
    assert repository.lines("HEAD", "a.py", "sub/b.py") == {"a.py": {1, 4}}


def test_a_new_file_has_changed_as_a_whole_tracked_or_not(repository):
    repository.write("c.py", "1\n")
    assert repository.lines("HEAD", "c.py") == {"c.py": None}


def test_other_line_ends_are_no_change(repository):
    repository.write("a.py", "1\r\n2\r\n3\r\n")
    assert repository.lines("HEAD", "a.py") == {"a.py": set()}


def test_a_directory_of_a_repository(repository):
    repository.write("sub/b.py", "1\n2\n")
    assert repository.lines("HEAD", "b.py", below="sub") == {"b.py": {2}}


def test_what_others_did_on_the_base_meanwhile_is_not_ours(repository):
    repository.git("checkout", "-q", "-b", "topic")
    repository.write("a.py", "1\n2\n3\n4\n")
    repository.commit()
    repository.git("checkout", "-q", "main")
    repository.write("sub/b.py", "other\n")
    repository.commit()
    repository.git("checkout", "-q", "topic")
    assert repository.lines("main", "a.py", "sub/b.py") == {"a.py": {4}}


def test_a_very_long_file_counts_as_changed_everywhere(repository, monkeypatch):
    monkeypatch.setattr(changes, "LONGEST", 3)
    repository.write("a.py", "1\n2\n3\n4\n")
    assert repository.lines("HEAD", "a.py") == {"a.py": None}


@pytest.mark.parametrize("ref", ["nothing", "--output=x", "", "HEAD:a.py"])
def test_a_name_of_no_commit(repository, ref):
    with pytest.raises(UsageError, match="is no commit"):
        repository.lines(ref, "a.py")


def test_findings_on_other_lines_are_known(repository):
    repository.write("Procfile", "web: gunicorn app:app --bind 127.0.0.1:$PORT\n")
    repository.commit()
    made = changes.since(audit(repository.root), repository.root, "HEAD")
    assert {one.known for one in made.findings} == {"unchanged since HEAD"}
    repository.write("Procfile", "web: gunicorn app:app --bind 127.0.0.1:8000\n")
    made = changes.since(audit(repository.root), repository.root, "HEAD")
    assert "" in {one.known for one in made.findings}
