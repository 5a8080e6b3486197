"""A running app's life: config, releases, rollback, scale, restart, one-offs, services, logs, stop and start."""

import json
import re
import shutil
import smtplib
import socket
import urllib.parse

import psycopg
import pytest

from tests.support.live import FIXTURES, free_port, wait_for
from twelve.core import errors

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def app(live, tmp_path_factory):
    live.up(shutil.copytree(FIXTURES / "envdump", tmp_path_factory.mktemp("life") / "envdump"), "life")
    return "life"


def environment(live, app):
    return live.get(app).body


def test_config_changes_are_releases_and_secrets_stay_masked(live, app):
    live.cli("config", "set", "COLOUR=green-secret", "--app", app)
    assert "COLOUR" in environment(live, app)
    listing = live.cli("config", "list", "--app", app).stdout
    assert "COLOUR" in listing
    assert "green-secret" not in listing
    assert live.cli("config", "get", "COLOUR", "--app", app).stdout.strip() == "green-secret"
    live.cli("config", "unset", "COLOUR", "--app", app)
    assert "COLOUR" not in environment(live, app)
    releases = live.json("releases", "list", "--app", app)
    described = " ".join(row["description"] for row in releases)
    assert "Set COLOUR config vars" in described
    assert "green-secret" not in json.dumps(releases)


def test_rollback_restores_code_and_config(live, app):
    live.cli("config", "set", "SHAPE=round", "--app", app)
    version = live.json("releases", "list", "--app", app)[-1]["version"]
    live.cli("config", "unset", "SHAPE", "--app", app)
    assert "SHAPE" not in environment(live, app)
    live.cli("rollback", f"v{version}", "--app", app)
    assert "SHAPE" in environment(live, app)
    assert live.cli("config", "get", "SHAPE", "--app", app).stdout.strip() == "round"


def test_releases_diff_shows_keys_and_never_values(live, app):
    live.cli("config", "set", "DIFFERENT=top-secret-value", "--app", app)
    version = live.json("releases", "list", "--app", app)[-1]["version"]
    shown = live.cli("releases", "diff", f"v{version - 1}", f"v{version}", "--app", app).stdout
    assert "DIFFERENT" in shown
    assert "top-secret-value" not in shown


def test_scale_up_and_down(live, app):
    live.cli("scale", "web=3", "--app", app)
    assert sorted(row["name"] for row in live.processes(app)) == ["web.1", "web.2", "web.3"]
    live.cli("scale", "web=1", "--app", app)
    wait_for(lambda: [row["name"] for row in live.processes(app)] == ["web.1"], "one process")
    assert live.get(app).status == 200
    unknown = live.cli("scale", "nothing=1", "--app", app, ok=False)
    assert unknown.returncode == errors.NotFound.exit_code


def test_scale_to_zero_answers_h14(live, app):
    live.cli("scale", "web=0", "--app", app)
    answer = live.get(app)
    assert answer.status == 503
    assert "H14" in answer.body
    live.cli("scale", "web=1", "--app", app)
    assert live.get(app).status == 200


def test_restart_replaces_the_process_without_a_gap(live, app):
    before = live.processes(app)[0]["id"]
    live.cli("restart", "--app", app)
    wait_for(
        lambda: [row["id"] for row in live.processes(app)] != [before] and len(live.processes(app)) == 1,
        "a new process",
    )
    assert live.get(app).status == 200


def test_one_off_runs_in_the_same_environment_and_passes_its_status(live, app):
    assert live.cli("run", "--app", app, "--", 'python3 -c "print((1))"').stdout.strip() == "1"
    assert live.cli("run", "--app", app, "--", "exit 3", ok=False).returncode == 3
    assert live.cli("run", "--app", app, "--", "echo $DYNO").stdout.startswith("run.")
    echoed = live.cli("run", "--app", app, "--", "cat", text="through the pipe\n")
    assert echoed.stdout == "through the pipe\n"


def test_detached_one_off_prints_to_the_log(live, app):
    live.cli("run", "--detach", "--app", app, "--", "echo from-a-detached-run")
    wait_for(lambda: "from-a-detached-run" in live.cli("logs", "-n", "200", "--app", app).stdout, "its line in the log")


def test_logs_have_herokus_form_and_filters(live, app):
    live.get(app, "/some/path?with=query")
    line = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 (app|heroku)\[[a-z0-9.]+\]: "
    wait_for(lambda: "/some/path" in live.cli("logs", "--source", "router", "--app", app).stdout, "the router's line")
    text = live.cli("logs", "-n", "500", "--app", app).stdout
    assert all(re.match(line, row) for row in text.splitlines())
    router = live.cli("logs", "--source", "router", "--app", app).stdout.splitlines()
    assert all("heroku[router]: at=" in row for row in router)
    assert (
        "State changed from starting to up"
        in live.cli("logs", "-n", "500", "--source", "platform", "--app", app).stdout
    )


def test_postgres_is_attached_by_url_and_other_apps_cannot_read_it(live, app):
    live.up(FIXTURES / "hello", "other")
    for name in (app, "other"):
        live.cli("services", "add", "postgres", "--app", name)
    mine, theirs = (live.cli("config", "get", "DATABASE_URL", "--app", name).stdout.strip() for name in (app, "other"))
    with psycopg.connect(mine) as connection:
        connection.execute("create table secret (word text)")
    foreign = urllib.parse.urlsplit(mine).path
    crossed = urllib.parse.urlunsplit(urllib.parse.urlsplit(theirs)._replace(path=foreign))
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(crossed)
    assert "DATABASE_URL" in environment(live, app)


def test_a_given_url_attaches_just_the_same(live, app):
    live.cli("services", "attach", "CACHE_URL=redis://user:hidden-password@cache.example:6379", "--app", app)
    assert "CACHE_URL" in environment(live, app)
    assert "hidden-password" not in live.cli("services", "list", "--app", app).stdout


def test_a_service_of_another_app_is_listed_by_its_name_here(live, app):
    live.cli("apps", "create", "owner")
    mail = live.json("services", "add", "smtp", "--app", "owner")["name"]
    live.cli("services", "attach", mail, "--as", "THEIRS", "--app", app)
    here = live.cli("services", "list", "--app", app).stdout
    assert re.search(rf"^{mail} +\S+ +owner +THEIRS +", here, re.MULTILINE), here
    everywhere = live.cli("services", "list", "--all").stdout
    assert re.search(rf"^{mail} +\S+ +owner +.*{app}::THEIRS", everywhere, re.MULTILINE), everywhere


def test_stop_and_start(live, app):
    live.cli("stop", "--app", app)
    assert live.processes(app) == []
    assert live.get(app).status == 503
    live.cli("start", "--app", app)
    assert live.get(app).status == 200


def test_unknown_names_have_their_exit_code(live, app):
    assert live.cli("ps", "--app", "nobody", ok=False).returncode == errors.NotFound.exit_code
    assert live.cli("releases", "info", "v999", "--app", app, ok=False).returncode == errors.NotFound.exit_code
    assert live.cli("rollback", "v999", "--app", app, ok=False).returncode == errors.NotFound.exit_code


def test_a_service_the_app_cannot_do_without_stays_when_its_detaching_fails(live, tmp_path):
    source = shutil.copytree(FIXTURES / "hello", tmp_path / "needy")
    (source / ".env.example").write_text("DATABASE_URL=\n")
    live.up(source, "needy")
    failed = live.cli("services", "detach", "DATABASE", "--app", "needy", ok=False)
    assert failed.returncode == errors.MissingConfig.exit_code, failed.stderr
    assert live.cli("config", "get", "DATABASE_URL", "--app", "needy").stdout.startswith("postgres://")
    live.cli("restart", "--app", "needy")
    assert live.get("needy").status == 200


def test_mails_that_were_caught_can_be_read(live, app):
    live.cli("services", "add", "smtp", "--app", app)
    host, port, user, password = (
        live.cli("config", "get", f"SMTP_{part}", "--app", app).stdout.strip()
        for part in ("HOST", "PORT", "USER", "PASSWORD")
    )
    with smtplib.SMTP(host, int(port), timeout=5) as mailer:
        mailer.login(user, password)
        mailer.sendmail("shop@example.com", ["ann@example.com"], "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nhello")
    [mail] = live.json("services", "mails", "--app", app)
    assert (mail["from"], mail["to"], mail["subject"]) == ("shop@example.com", ["ann@example.com"], "Grüße")
    assert "Grüße" in live.cli("services", "mails", "--app", app).stdout
    assert "hello" in live.cli("services", "mails", mail["id"], "--app", app).stdout
    none = live.cli("services", "mails", "999999", "--app", app, ok=False)
    assert (none.returncode, none.stderr.count("\n")) == (errors.NotFound.exit_code, 1)
    live.cli(
        "services",
        "remove",
        "SMTP",
        "--app",
        app,
        "--confirm",
        live.json("services", "info", "SMTP", "--app", app)["name"],
    )


def test_what_up_cannot_do_is_told(live, tmp_path):
    source = shutil.copytree(FIXTURES / "hello", tmp_path / "noted")
    (source / "app.json").write_text('{"addons": ["papertrail:choklad"], "formation": {"web": {"quantity": 0}}}')
    (source / ".env").write_text("PORT=3000\n")
    said = live.up(source, "noted").stderr
    assert "Note: PORT has no effect in config" in said
    assert 'app.json asks for "papertrail:choklad", which is no service here' in said
    assert "no web process runs; `twelve scale -a noted web=1` starts one" in said
    assert "serves v1" not in said
    done = live.cli("config", "set", "DYNO=x", "OTHER=x", "--app", "noted")
    assert done.stderr == "Note: DYNO has no effect in config: each process gets the platform's own.\n"


WORKER = """
import os, socket, sys, time
with socket.socket() as flag:
    sys.exit("hindered") if flag.connect_ex(("127.0.0.1", int(os.environ["FLAG"]))) == 0 else time.sleep(1000)
"""


def test_a_rollback_whose_worker_fails_gives_the_requests_back(live, tmp_path):
    source = shutil.copytree(FIXTURES / "hello", tmp_path / "workers")
    flag = free_port()
    (source / ".env").write_text(f"FLAG={flag}\n")
    (source / "worker.py").write_text(WORKER)
    (source / "Procfile").write_text((source / "Procfile").read_text() + "worker: python3 worker.py\n")
    live.up(source, "workers")
    code = (source / "web.py").read_text()
    (source / "web.py").write_text(code.replace('VERSION = "1"', 'VERSION = "2"'))
    live.up(source, "workers")
    with socket.create_server(("127.0.0.1", flag)):
        failed = live.cli("rollback", "v1", "--app", "workers", ok=False)
    assert failed.returncode == errors.BootCrash.exit_code, failed.stderr
    assert live.get("workers").body == "hello 2\n"
    live.cli("rollback", "v1", "--app", "workers")
    assert live.get("workers").body == "hello 1\n"
    wait_for(lambda: len(live.processes("workers")) == 2, "one web and one worker")
