"""The main job: a codebase becomes a running app behind the front door, and what is broken never replaces it."""

import json
import shutil
import subprocess
import threading

import pytest

from tests.support.live import FIXTURES, ROOT, wait_for
from twelve.core import errors

pytestmark = pytest.mark.integration


def copy(name, tmp_path):
    return shutil.copytree(FIXTURES / name, tmp_path / name)


def test_notes_runs_with_postgres_valkey_worker_and_clock(live):
    done = live.up(ROOT / "examples" / "notes", "notes")
    assert done.stdout.strip().splitlines()[-1] == f"http://notes.localhost:{live.router_port}"
    assert live.get("notes", "/healthz").status == 200
    states = {row["type"]: row["state"] for row in live.processes("notes")}
    assert states == {"web": "up", "worker": "up", "clock": "up"}
    plans = {row["plan"]["name"].partition(":")[0] for row in live.json("services", "list", "--app", "notes")}
    assert len(plans) == 2


def test_a_second_up_of_the_same_tree_reuses_the_slug(live, tmp_path):
    source = copy("hello", tmp_path)
    live.up(source, "again")
    first = live.json("releases", "list", "--app", "again")[-1]
    live.up(source, "again")
    second = live.json("releases", "list", "--app", "again")[-1]
    assert second["version"] == first["version"] + 1
    assert second["slug"]["id"] == first["slug"]["id"]


@pytest.mark.parametrize(
    ("fixture", "kind", "words"),
    [
        ("badprocfile", errors.BadProcfile, "Procfile:"),
        ("badrelease", errors.ReleaseCommandFailed, "release command"),
        ("brokenimport", errors.BootCrash, "exited with status 1"),
        ("crasher", errors.BootCrash, "exited with status 0"),
        ("needsconfig", errors.MissingConfig, ".env.example:"),
    ],
)
def test_a_broken_deploy_ends_with_its_code_and_the_old_release_serves(live, tmp_path, fixture, kind, words):
    app = f"broken-{fixture}"
    live.up(copy("hello", tmp_path), app)
    before = live.get(app).body
    failed = live.up(FIXTURES / fixture, app, ok=False)
    assert failed.returncode == kind.exit_code, failed.stdout + failed.stderr
    assert words in failed.stdout + failed.stderr
    assert live.get(app).body == before
    assert [row["state"] for row in live.processes(app)] == ["up"]


@pytest.mark.parametrize(("fixture", "words"), [("nobind", "$PORT"), ("wrongport", "not on $PORT")])
def test_an_app_that_never_binds_its_port_times_out(live, tmp_path, fixture, words):
    source = copy(fixture, tmp_path)
    (source / "app.json").write_text(json.dumps({"formation": {"web": {"boot_timeout": 2}}}))
    failed = live.up(source, f"t-{fixture}", ok=False)
    assert failed.returncode == errors.BootTimeout.exit_code
    assert words in failed.stdout + failed.stderr


def test_missing_config_is_told_all_at_once(live):
    failed = live.up(FIXTURES / "needsconfig", "needs", ok=False)
    keys = [
        line.split("=")[0]
        for line in (FIXTURES / "needsconfig" / ".env.example").read_text().splitlines()
        if "=" in line
    ]
    assert len(keys) >= 3
    for key in keys:
        if not key.startswith("#"):
            assert key in failed.stdout + failed.stderr


def test_dotenv_reaches_the_processes_and_never_the_slug(live, tmp_path):
    source = copy("envdump", tmp_path)
    (source / ".env").write_text("FROM_DOTENV=yes\n")
    live.up(source, "dotenv")
    assert "FROM_DOTENV" in live.get("dotenv").body
    found = live.cli("run", "--app", "dotenv", "--", "ls -a /app")
    assert ".env" not in found.stdout.split()


def test_two_ups_at_the_same_time_both_end_and_the_last_serves(live, tmp_path):
    source = copy("hello", tmp_path)
    results = []
    threads = [threading.Thread(target=lambda: results.append(live.up(source, "twice"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.returncode for done in results] == [0, 0]
    assert len(live.processes("twice")) == 1 or wait_for(lambda: len(live.processes("twice")) == 1, "one web process")


def test_a_tarball_and_a_git_ref_are_sources_too(live, tmp_path):
    source = copy("hello", tmp_path)
    tarball = tmp_path / "hello.tar.gz"
    subprocess.run(["tar", "-C", str(source), "-czf", str(tarball), "."], check=True)
    live.cli("up", str(tarball), "--app", "tarball", "--detach")
    assert live.get("tarball").status == 200
    git = ["git", "-C", str(source), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)
    live.cli("up", str(source), "--ref", "main", "--app", "gitref", "--detach")
    assert live.get("gitref").status == 200
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    release = live.cli("releases", "info", "--app", "gitref", "--json").stdout
    assert commit[:8] in release
