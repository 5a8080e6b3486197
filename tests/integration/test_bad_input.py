"""How bad input ends: one sentence with its place, the exit code of its stage, and the old release still serving."""

import json
import os
import shutil
import subprocess

import pytest

from tests.support.live import FIXTURES, running
from twelve.core import errors

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def app(live, tmp_path_factory):
    live.up(FIXTURES / "hello", "steady")
    return "steady"


@pytest.fixture
def source(tmp_path):
    return shutil.copytree(FIXTURES / "hello", tmp_path / "hello")


def refused(live, app, source, kind, *words):
    failed = live.up(source, app, ok=False)
    told = failed.stdout + failed.stderr
    assert failed.returncode == kind.exit_code, told
    for word in words:
        assert word in told
    assert "twelve/" not in told, "a traceback of our own"
    assert live.get(app).body == "hello 1\n"
    return told


def test_a_broken_dotenv_names_the_line_and_no_value(live, app, source):
    (source / ".env").write_text("GOOD=1\nBAD KEY=hidden-value\n")
    told = refused(live, app, source, errors.BadDotenv, ".env:2:")
    assert "hidden-value" not in told


def test_a_broken_app_json(live, app, source):
    (source / "app.json").write_text('{\n  "formation": {\n}')
    refused(live, app, source, errors.BadManifest, "app.json:3")


def test_a_broken_lock_file(live, app, source):
    (source / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\n')
    (source / "uv.lock").write_text("version = 1\n[[package]\n")
    refused(live, app, source, errors.BadManifest, "uv.lock:2")


def test_a_missing_interpreter_names_those_at_hand(live, app, source):
    (source / ".python-version").write_text("3.99\n")
    refused(live, app, source, errors.MissingInterpreter, ".python-version:1", "3.11")


def test_a_failing_build_shows_its_last_lines(live, app, source):
    (source / "requirements.txt").write_text("# one\nthere-is-no-such-package-anywhere==9.9.9\n")
    refused(live, app, source, errors.BuildError, "there-is-no-such-package-anywhere", "requirements.txt:2")


def test_a_hostile_archive(live, app, tmp_path):
    (tmp_path / "outside").write_text("x")
    archive = tmp_path / "hostile.tar"
    subprocess.run(
        ["tar", "-C", str(tmp_path), "--transform", "s,^outside,../outside,", "-P", "-cf", str(archive), "outside"],
        check=True,
    )
    refused(live, app, archive, errors.HostileArchive, "../outside")


def test_a_directory_that_is_not_there(live, app, tmp_path):
    refused(live, app, tmp_path / "nowhere", errors.SourceError, "nowhere")


def test_an_app_that_dies_after_a_second_deploy_keeps_its_number(live, app, source):
    (source / "Procfile").write_text("web: python3 -c 'import nothing_of_that_name'\n")
    refused(live, app, source, errors.BootCrash, "web.1 exited with status 1", "nothing_of_that_name")
    failed = live.json("releases", "list", "--app", app)[-1]
    assert failed["status"] == "failed"
    assert failed["failure"]["exit_code"] == errors.BootCrash.exit_code
    live.up(FIXTURES / "hello", app)
    assert live.json("releases", "list", "--app", app)[-1]["version"] == failed["version"] + 1


def test_a_config_change_that_breaks_the_app_is_taken_back(live, tmp_path):
    source = shutil.copytree(FIXTURES / "hello", tmp_path / "fragile")
    code = (source / "web.py").read_text()
    (source / "web.py").write_text(
        code.replace("import json\n", "import json, os\nassert not os.environ.get('BREAK')\n", 1)
    )
    live.up(source, "fragile")
    failed = live.cli("config", "set", "BREAK=yes", "--app", "fragile", ok=False)
    assert failed.returncode == errors.BootCrash.exit_code, failed.stderr
    assert live.get("fragile").status == 200
    assert live.cli("config", "get", "BREAK", "--app", "fragile", ok=False).returncode != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk of one's own takes root to mount")
def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(home)], check=True)
    try:
        with running(home) as live:
            live.up(FIXTURES / "hello", "tight")
            source = shutil.copytree(FIXTURES / "hello", tmp_path / "big")
            with (source / "ballast").open("wb") as out:
                out.write(os.urandom(150_000_000))
            failed = live.up(source, "tight", ok=False)
            assert failed.returncode == errors.DiskFull.exit_code, failed.stdout + failed.stderr
            assert "Traceback" not in failed.stdout + failed.stderr
            assert live.get("tight").body == "hello 1\n"
            (source / "ballast").unlink()
            live.up(source, "tight")
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)


def test_platform_state_may_live_in_a_database_of_ones_own(live, tmp_path):
    live.cli("apps", "create", "lender")
    live.cli("services", "add", "postgres", "--app", "lender")
    url = live.cli("config", "get", "DATABASE_URL", "--app", "lender").stdout.strip()
    with running(tmp_path / "home", DATABASE_URL=url, TWELVE_SECRET_KEY="a key of one's own") as other:
        other.up(FIXTURES / "hello", "guest")
        assert other.get("guest").status == 200
        other.cli("down")
        wrong = dict(other.extra, TWELVE_SECRET_KEY="another key")
        other.extra, right = wrong, other.extra
        failed = other.up(FIXTURES / "hello", "guest", ok=False)
        assert failed.returncode == errors.CorruptState.exit_code, failed.stderr
        other.extra = right
        other.up(FIXTURES / "hello", "guest")
        assert json.loads(other.cli("releases", "list", "--app", "guest", "--json").stdout)[-1]["version"] >= 2
