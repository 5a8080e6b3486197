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


TOKEN = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cD3fG6"


def in_history(root, **options):
    made = audit(root, **options)
    return [(one.path, one.message) for one in made.findings if one.rule == changes.IN_HISTORY], list(made.notes)


def test_a_secret_that_is_gone_is_still_in_the_history(repository):
    repository.write("deploy.py", f"x = 1\nkey = '{TOKEN}'\n")
    repository.commit()
    repository.write("deploy.py", "x = 1\n")
    repository.commit()
    assert in_history(repository.root)[0] == []
    ((path, message),), notes = in_history(repository.root, history="")
    assert path == "deploy.py"
    assert message.startswith("Line 2 once was a secret.")
    assert TOKEN[:6] not in message
    blob = message.rpartition("=")[2].rstrip("`.")
    shown = subprocess.run(["git", "cat-file", "-p", blob], cwd=repository.root, capture_output=True, check=True)
    assert TOKEN.encode() in shown.stdout
    assert notes == []


def test_what_is_still_there_is_told_by_its_own_rule_only(repository):
    repository.write("deploy.py", f"key = '{TOKEN}'\n")
    repository.commit()
    repository.write("deploy.py", f"# moved\nkey = '{TOKEN}'\n")
    repository.commit()
    assert in_history(repository.root, history="")[0] == []


def test_the_history_since_a_commit_and_of_a_directory(repository):
    repository.write("sub/old.py", f"key = '{TOKEN}'\n")
    repository.commit()
    repository.write("sub/old.py", "")
    repository.commit()
    assert [path for path, _ in in_history(repository.root / "sub", history="")[0]] == ["old.py"]
    assert in_history(repository.root, history=changes.base(repository.root, "HEAD"))[0] == []
    made = audit(repository.root, history=changes.base(repository.root, "HEAD~2"))
    (seen,) = [one for one in changes.since(made, repository.root, "HEAD~2").findings if one.rule == changes.IN_HISTORY]
    assert not seen.known


def test_a_history_that_cannot_be_read(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    assert in_history(tmp_path, history="")[1] == ["The history was not looked at: git does not tell it."]


def test_a_shallow_clone_says_so(repository, tmp_path):
    repository.write("a.py", "4\n")
    repository.commit()
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{repository.root}", tmp_path / "clone"], check=True)
    assert in_history(tmp_path / "clone", history="")[1] == ["The history is not whole here: the clone is shallow."]


def test_before_the_first_commit_everything_is_new(tmp_path):
    """What a hook asks for must not refuse the first commit."""
    repository = Repository(tmp_path / "new")
    repository.write("a.py", "x = 1\n")
    repository.git("add", "-A")
    assert repository.lines("HEAD", "a.py") == {"a.py": changes.EVERY}
    with pytest.raises(UsageError, match="is no commit"):
        repository.lines("main", "a.py")


def test_without_a_repository_there_is_no_head(tmp_path):
    with pytest.raises(UsageError, match="is no commit"):
        changes.base(tmp_path, "HEAD")
