"""Scheduled processes on a real platform: their ends are known after a crash of the server, and no slot runs twice."""

import json
import shutil
import signal
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.support.live import FIXTURES, running, wait_for
from twelve.core import errors
from twelve.infra.settings import Settings
from twelve.stages.services.postgres_server import PostgresServer

pytestmark = pytest.mark.integration

APP = "clocked"


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A platform whose server these tests may kill."""
    with running(tmp_path_factory.mktemp("home")) as platform:
        yield platform


@pytest.fixture(scope="module")
def source(own, tmp_path_factory):
    made = shutil.copytree(FIXTURES / "hello", tmp_path_factory.mktemp("source") / "hello")
    declare(made, {"command": "echo from-the-clock; exit 3", "schedule": "@yearly", "name": "yearly"})
    own.up(made, APP)
    return made


def declare(source, *entries):
    (source / "app.json").write_text(json.dumps({"cron": entries}))


def history(own, name):
    return own.json("schedule", "history", name, "--app", APP)


def ended(own, name, count=1):
    def found():
        runs = [run for run in history(own, name) if run["state"] not in {"starting", "running", "missed"}]
        return runs if len(runs) >= count else None

    return wait_for(found, f"an end of {name}")


def test_a_declared_schedule_runs_and_leaves_its_status_and_output(own, source):
    [row] = own.json("schedule", "--app", APP)
    assert (row["name"], row["source"], row["schedule"]) == ("yearly", "app.json", "@yearly")
    assert "Started scheduler." in own.cli("schedule", "run", "yearly", "--app", APP).stdout
    [run] = ended(own, "yearly")
    assert (run["state"], run["exit_status"], run["release"]) == ("ended", 3, {"version": 1})
    log = own.cli("logs", "-n", "200", "--app", APP).stdout
    assert f"app[{run['dyno']}]: from-the-clock" in log
    assert f"heroku[{run['dyno']}]: Process exited with status 3" in log
    assert f"heroku[{run['dyno']}]: State changed from up to complete" in log


def test_a_bad_entry_fails_the_build_with_its_index_and_installs_nothing(own, source):
    before = own.json("schedule", "--app", APP)
    declare(source, {"command": "a", "schedule": "@daily"}, {"command": "b", "schedule": "0 0 30 2 *"})
    failed = own.up(source, APP, ok=False)
    assert failed.returncode == errors.BadManifest.exit_code
    assert "cron[1]" in failed.stdout + failed.stderr
    assert own.json("schedule", "--app", APP) == before


def test_the_schedule_of_a_failed_release_is_not_installed(own, source):
    before = [row["name"] for row in own.json("schedule", "--app", APP)]
    declare(source, {"command": "a", "schedule": "@daily", "name": "never"})
    procfile = (source / "Procfile").read_text()
    (source / "Procfile").write_text(procfile + "release: exit 1\n")
    assert own.up(source, APP, ok=False).returncode == errors.ReleaseCommandFailed.exit_code
    assert [row["name"] for row in own.json("schedule", "--app", APP)] == before
    (source / "Procfile").write_text(procfile)
    own.up(source, APP)
    assert [row["name"] for row in own.json("schedule", "--app", APP)] == ["never"]


def test_a_deploy_leaves_a_run_alone_and_a_stop_ends_it(own, source):
    own.cli("schedule", "add", "0 0 1 1 *", "sleep 600", "--name", "long", "--app", APP)
    run = own.json("schedule", "run", "long", "--app", APP)
    again = own.cli("schedule", "run", "long", "--app", APP, ok=False)
    assert again.returncode == errors.Conflict.exit_code
    assert f"{run['dyno']} is still running" in again.stderr
    own.cli("config", "set", "NEW=release", "--app", APP)
    assert run["id"] in [row["id"] for row in own.processes(APP)]
    own.cli("stop", run["dyno"], "--app", APP)
    runs = ended(own, "long", 2)
    assert [(one["state"], one["exit_status"]) for one in runs] == [("skipped", None), ("ended", 143)]
    own.cli("schedule", "remove", "long", "--app", APP)


def test_the_end_of_a_run_is_known_although_the_server_was_dead_by_then(own, source):
    own.cli("schedule", "add", "0 0 1 1 *", "sleep 2; exit 7", "--name", "orphan", "--app", APP)
    run = own.json("schedule", "run", "orphan", "--app", APP)
    own.kill_server()
    own.up(FIXTURES / "hello", "another")
    [found] = ended(own, "orphan")
    assert (found["id"], found["state"], found["exit_status"]) == (run["id"], "ended", 7)


def test_after_downtime_the_latest_slot_runs_once(own, source):
    """The server dies; meanwhile three slots pass, the latest within its deadline. Then it dies again."""
    now = datetime.now(UTC)
    minutes = [(now - timedelta(minutes=ago)).minute for ago in (2, 4, 6)]
    when = f"{','.join(map(str, minutes))} * * * *"
    own.cli("schedule", "add", when, "echo made-up-for", "--name", "late", "--deadline", "300", "--app", APP)
    own.kill_server()
    with psycopg.connect(state_of(own)) as db:
        seen = now - timedelta(minutes=10)
        assert db.execute("update schedules set seen = %s where name = 'late'", [seen]).rowcount == 1
    own.up(FIXTURES / "hello", "another")
    ended(own, "late")
    runs = history(own, "late")
    assert [(run["state"], run["exit_status"]) for run in runs] == [("ended", 0), ("missed", None), ("missed", None)]
    assert [datetime.fromisoformat(run["due"]).minute for run in runs] == minutes
    log = own.cli("logs", "-n", "500", "--app", APP).stdout
    assert log.count("made-up-for` due ") == 2
    assert f"heroku[scheduler]: Missed `echo made-up-for` due {runs[1]['due']}: started too late" in log
    own.kill_server()
    own.up(FIXTURES / "hello", "another")
    own.cli("schedule", "pause", "late", "--app", APP)
    assert [row["next_due"] for row in own.json("schedule", "--app", APP) if row["name"] == "late"] == [None]
    assert history(own, "late") == runs


@pytest.mark.parametrize(("how", "status"), [("down", 143), ("leave", 5)])
def test_an_orderly_end_of_the_server_is_on_record_too(own, source, how, status):
    """`down` ends the run with everything else; a server that only leaves (an upgrade) lets it come to its own end."""
    command = "sleep 600" if how == "down" else "sleep 1; exit 5"
    own.cli("schedule", "add", "0 0 1 1 *", command, "--name", how, "--app", APP)
    run = own.json("schedule", "run", how, "--app", APP)
    if how == "down":
        own.down()
    else:
        own.kill_server(signal.SIGHUP)
    own.up(FIXTURES / "hello", "another")
    [found] = ended(own, how)
    assert (found["id"], found["state"], found["exit_status"]) == (run["id"], "ended", status)


def state_of(own):
    settings = Settings(home=own.home)
    return (
        PostgresServer(settings, lambda _name, _chunk: None).platform_url().replace("postgresql+psycopg", "postgresql")
    )
