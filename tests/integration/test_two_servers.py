"""Two real servers on one database: a slot of a schedule runs once, and neither takes over what the other runs."""

import os
import secrets
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tests.support.live import FIXTURES, Live, is_zombie, wait_for
from twelve.infra.settings import Settings
from twelve.stages.services.postgres_server import PostgresServer

pytestmark = pytest.mark.integration

APP = "shared"
SLOTS = 40
STARTED = []


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The second keeps its state in the first one's PostgreSQL, and has the same key."""
    key = secrets.token_hex(16)
    first = Live(tmp_path_factory.mktemp("first"), extra={"TWELVE_SECRET_KEY": key})
    second = None
    try:
        first.up(FIXTURES / "hello", APP)
        url = PostgresServer(Settings(home=first.home), lambda _name, _chunk: None).platform_url()
        second = Live(tmp_path_factory.mktemp("second"), extra={"TWELVE_SECRET_KEY": key, "DATABASE_URL": url})
        start(second)
        yield first, second
    finally:
        if second:
            second.down()
        first.down()
        for server in STARTED:
            server.wait(30)


def start(live):
    reading, writing = os.pipe()
    STARTED.append(
        subprocess.Popen(
            [sys.executable, "-m", "twelve.serve"],
            env=live.environ | {"TWELVE_READY_FD": str(writing)},
            pass_fds=[writing],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    )
    os.close(writing)
    with os.fdopen(reading) as said:
        assert said.read() == "ready\n"


def web(live):
    return [row for row in live.processes(APP) if row["type"] == "web" and row["state"] == "up"]


def history(live, name):
    return live.json("schedule", "history", name, "--app", APP)


def test_each_runs_the_formation_behind_its_own_front_door(pair):
    first, second = pair
    wait_for(lambda: web(second), "the app on the second server")
    assert {row["id"] for row in web(first)}.isdisjoint(row["id"] for row in web(second))
    assert [live.get(APP).status for live in pair] == [200, 200]


def test_a_server_that_dies_and_comes_back_adopts_its_own_and_no_other(pair):
    before = [[(row["id"], row["pid"]) for row in web(live)] for live in pair]
    for live in pair:
        live.kill_server()
    for live in reversed(pair):
        start(live)
    for live, expected in zip(pair, before, strict=True):
        wait_for(lambda live=live, expected=expected: [(row["id"], row["pid"]) for row in web(live)] == expected,
                 "the same processes as before")  # fmt: skip


def test_many_slots_run_once_each(pair):
    """Both clocks wait for the same minute, in which forty schedules fall due."""
    first, _ = pair
    database = PostgresServer(Settings(home=first.home), lambda _name, _chunk: None).platform_url()
    names = [f"slot-{number}" for number in range(SLOTS)]
    for name in names:
        first.cli("schedule", "add", "0 0 1 1 *", "echo ran", "--name", name, "--app", APP)
    with psycopg.connect(database, autocommit=True) as db:
        change = "update schedules set schedule = '* * * * *', policy = 'allow', seen = %s where name = any(%s)"
        db.execute(change, [datetime.now(UTC), names])
        runs = wait_for(lambda: ended(db, names), "an end of every run", 150)
        db.execute("update schedules set suspended = true where name = any(%s)", [names])
    assert {(state, status) for _, _, _, state, status in runs} == {("ended", 0)}
    slots = {(name, due) for name, due, *_ in runs}
    assert len(slots) == len(runs) == SLOTS
    printed = wait_for(lambda: sum(lines_of(live, ": ran") for live in pair), "their output")
    assert printed == SLOTS, "each of them ran on one server only"


def ended(db, names):
    """Every run of these so far, when each has run and none is under way."""
    rows = db.execute(
        "select s.name, r.due, r.dyno, r.state, r.exit_status from schedule_runs r join schedules s"
        " on s.id = r.schedule_id where s.name = any(%s)",
        [names],
    ).fetchall()
    done = {name for name, _, _, state, _ in rows if state == "ended"}
    return rows if len(done) == len(names) and all(row[3] not in {"starting", "running"} for row in rows) else None


def lines_of(live, text):
    return sum(text in line for line in live.cli("logs", "-n", "1500", "--app", APP).stdout.splitlines())


def test_the_end_of_one_server_leaves_the_other_alone(pair):
    first, second = pair
    kept = [row["pid"] for row in web(first)]
    pid = second.server_pid()
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not Path(f"/proc/{pid}/stat").exists() or is_zombie(pid), "the second server's end", 60)
    assert [row["pid"] for row in web(first)] == kept
    assert first.get(APP).status == 200
