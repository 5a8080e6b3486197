"""The app on a real Postgres and a real Redis: set DATABASE_URL (an empty database) and REDIS_URL to run these."""

import io
import json
import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from notes import clock, database, jobs, migrate
from notes.settings import Settings
from notes.web import create_app
from notes.worker import Worker

pytestmark = pytest.mark.skipif("REDIS_URL" not in os.environ, reason="needs DATABASE_URL and REDIS_URL")


@pytest.fixture(scope="session")
def config() -> Settings:
    config = Settings.load({"SECRET_KEY": "only for tests", **os.environ, "MAX_FILE_BYTES": "1000", "DYNO": "test.1"})
    with database.connect(config, autocommit=True) as connection:
        migrate.migrate(connection)
        assert migrate.migrate(connection) == 0
    return config


@pytest.fixture(scope="session")
def app(config: Settings) -> Iterator[Flask]:
    app = create_app(config)
    yield app
    app.extensions["services"].pool.close()


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def worker(config: Settings) -> Iterator[Worker]:
    with database.pool(config) as pool:
        yield Worker(jobs.Jobs(config), pool, "worker.1")


def token(browser: FlaskClient) -> str:
    found = re.search(r'name="token" value="([^"]+)"', browser.get("/").text)
    assert found
    return found[1]


def write(browser: FlaskClient, title: str, **fields: object) -> str:
    answer = browser.post("/notes", data={"token": token(browser), "title": title, **fields})
    assert answer.status_code == 303, answer.text
    return answer.location


def work_off(worker: Worker) -> None:
    while job := worker.jobs.take(worker.name, wait=50):
        worker.do(job)
        worker.jobs.done(job)


def test_a_note_and_its_file_are_counted_and_found(browser: FlaskClient, worker: Worker) -> None:
    place = write(browser, "Menu", body="three small words", file=(io.BytesIO(b"aubergine soup"), "menu.txt"))
    assert "counting words" in browser.get(place).text
    work_off(worker)
    page = browser.get(place).text
    assert "4 words" in page
    assert "2 words" in page
    assert place in browser.get("/?q=aubergines").text
    assert place not in browser.get("/?q=cabbage").text


def test_a_file_comes_back_as_it_was_and_never_as_a_page(browser: FlaskClient) -> None:
    place = write(browser, "Page", file=(io.BytesIO(b"<script>x</script>"), "ü/../x.html"))
    link = re.search(r'href="(/files/[^"]+)"', browser.get(place).text)
    assert link
    answer = browser.get(link[1])
    assert answer.data == b"<script>x</script>"
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment; filename=x.html"


def test_what_makes_no_sense_is_refused_and_nothing_is_saved(browser: FlaskClient) -> None:
    proof = token(browser)
    assert browser.post("/notes", data={"title": "no token"}).status_code == 400
    kept = browser.post("/notes", data={"token": proof, "title": " ", "body": "typed so far"})
    assert kept.status_code == 422
    assert "typed so far" in kept.text
    large = {"token": proof, "title": "large", "file": (io.BytesIO(b"x" * 1001), "x")}
    assert browser.post("/notes", data=large).status_code == 413
    assert "large" not in browser.get("/").text


def test_text_is_never_markup(browser: FlaskClient) -> None:
    place = write(browser, "<i>title</i>", body="<b>zebra</b>")
    for page in (place, "/", "/?q=zebra"):
        assert "<b>zebra" not in browser.get(page).text
        assert "<i>title" not in browser.get(page).text
    assert "<mark>zebra</mark>" in browser.get("/?q=zebra").text


def test_the_job_of_a_dead_worker_is_taken_over(
    browser: FlaskClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    work_off(worker)
    place = write(browser, "Left behind")
    held = worker.jobs.take("a worker that is killed now")
    assert held
    assert worker.jobs.take(worker.name, wait=20) is None
    monkeypatch.setattr(jobs, "STALE", 1)
    time.sleep(0.01)
    work_off(worker)
    assert "2 words" in browser.get(place).text


def test_a_job_that_always_fails_is_set_aside(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    work_off(worker)
    worker.jobs.add(jobs.Job("note", "0"))
    monkeypatch.setattr(jobs, "STALE", 0)
    taken = [worker.jobs.take("fails", wait=20) for _ in range(6)]
    assert [bool(job) for job in taken] == [True] * 3 + [False] * 3


def test_two_clocks_ask_once_and_a_lost_job_is_asked_for_again(
    browser: FlaskClient, worker: Worker, config: Settings
) -> None:
    place = write(browser, "Lost job")
    work_off(worker)
    note = int(place.rpartition("/")[2])
    now = datetime(2001, 1, 1, 12, tzinfo=UTC) + timedelta(days=time.time_ns() % 9000)  # another tick in each run
    with worker.pool.connection() as db:
        db.execute("update notes set words = null, changed_at = now() - interval '1 hour' where id = %s", (note,))
        for _ in range(2):
            clock.tick(jobs.Jobs(config), db, now, 60)
    asked = []
    while job := worker.jobs.take(worker.name, wait=50):
        asked.append((job.kind, job.subject))
        worker.do(job)
        worker.jobs.done(job)
    assert asked.count(("note", str(note))) == 1
    assert asked.count(("digest", now.date().isoformat())) == 1
    assert "Day by day" in browser.get("/").text


def test_one_request_id_goes_through_web_and_worker(
    browser: FlaskClient, worker: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    work_off(worker)
    data = {"token": token(browser), "title": "Traced"}
    answer = browser.post("/notes", data=data, headers={"X-Request-Id": "7f1c-trace"})
    assert answer.headers["X-Request-Id"] == "7f1c-trace"
    answer.close()
    work_off(worker)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines if line.get("request_id") == "7f1c-trace"] == ["request", "job_done"]


def test_it_is_healthy(browser: FlaskClient) -> None:
    assert browser.get("/healthz").json == {"database": "up", "queue": "up"}
