"""Live is who answers; ready is who can serve: named checks, all at once, each bounded, none started twice."""

import asyncio
import json
import threading
import time

import pytest
from twelve_runtime.health import Health
from twelve_runtime.lifecycle import Lifecycle


def fail():
    raise ConnectionError("postgres://u:hunter2@h is down")


async def inner_asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"app"})


def inner_wsgi(environ, start_response):
    start_response("418 Teapot", [])
    return [b"app"]


def by_asgi(health, path, method="GET"):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(health.asgi(inner_asgi)({"type": "http", "method": method, "path": path}, None, send))
    return sent[0]["status"], sent[1]["body"]


def by_wsgi(health, path, method="GET"):
    status = []
    app = health.wsgi(inner_wsgi)
    body = b"".join(app({"REQUEST_METHOD": method, "PATH_INFO": path}, lambda line, _: status.append(line)))
    return int(status[0].split()[0]), body


both = pytest.mark.parametrize("ask", [by_asgi, by_wsgi])


@both
def test_who_answers_lives_even_when_nothing_else_does(ask):
    health = Health({"database": fail})
    status, body = ask(health, "/livez")
    assert (status, json.loads(body)) == (200, {"status": "live"})


@both
def test_ready_names_each_check(ask):
    health = Health({"database": lambda: True, "cache": lambda: None}, optional={"queue": fail, "mail": lambda: False})
    status, body = ask(health, "/readyz")
    page = json.loads(body)
    assert (status, page["status"]) == (200, "ready")
    assert {name: check["status"] for name, check in page["checks"].items()} == {
        "database": "up", "cache": "up", "queue": "down", "mail": "down",
    }  # fmt: skip
    assert page["checks"]["queue"]["why"] == "ConnectionError"


@both
def test_one_needed_check_that_fails_makes_it_unready_without_telling_secrets(ask, caplog):
    status, body = ask(Health({"database": fail, "cache": lambda: True}), "/readyz")
    assert (status, json.loads(body)["status"]) == (503, "not ready")
    assert "check database failed: ConnectionError" in caplog.text
    assert "hunter2" not in body.decode() + caplog.text


@both
def test_a_process_that_was_told_to_stop_is_not_ready_and_asks_nobody(ask):
    lifecycle = Lifecycle(signals=False)
    asked = []
    health = Health({"database": lambda: asked.append(1)}, lifecycle=lifecycle)
    assert ask(health, "/readyz")[0] == 200
    lifecycle.stop()
    status, body = ask(health, "/readyz")
    assert (status, json.loads(body)) == (503, {"status": "stopping"})
    assert len(asked) == 1
    assert ask(health, "/livez")[0] == 200


@both
def test_a_check_that_hangs_is_bounded_and_not_started_again(ask):
    release, runs = threading.Event(), []

    def hang():
        runs.append(1)
        release.wait(30)

    health = Health({"slow": hang, "quick": lambda: True}, timeout=0.1)
    for _ in range(3):
        began = time.monotonic()
        status, body = ask(health, "/readyz")
        assert time.monotonic() - began < 5
        assert status == 503
        assert json.loads(body)["checks"]["slow"]["why"] == "time-out"
        assert json.loads(body)["checks"]["quick"]["status"] == "up"
    assert len(runs) == 1
    release.set()
    deadline = time.monotonic() + 10
    while ask(health, "/readyz")[0] == 503:
        assert time.monotonic() < deadline


@both
def test_head_has_no_body_and_all_else_is_the_apps(ask):
    health = Health()
    assert ask(health, "/readyz", "HEAD") == (200, b"")
    assert ask(health, "/readyz", "POST") == (418, b"app")
    assert ask(health, "/readyz/x") == (418, b"app")


def test_coroutines_are_awaited_under_asgi_and_refused_elsewhere():
    async def answers():
        await asyncio.sleep(0)

    async def hangs():
        await asyncio.sleep(60)

    health = Health({"database": answers, "broker": hangs}, timeout=0.2)
    checks = json.loads(by_asgi(health, "/readyz")[1])["checks"]
    assert (checks["database"]["status"], checks["broker"]["why"]) == ("up", "time-out")
    with pytest.raises(TypeError, match="needs ASGI"):
        by_wsgi(health, "/readyz")


def test_many_callers_make_one_run_of_a_check():
    runs, go = [], threading.Event()

    def check():
        runs.append(1)
        go.wait(10)

    health = Health({"database": check}, timeout=10)
    threads = [threading.Thread(target=health.ready) for _ in range(20)]
    for thread in threads:
        thread.start()
    while sum(thread.is_alive() for thread in threads) < 20 or not runs:
        time.sleep(0.01)
    go.set()
    for thread in threads:
        thread.join()
    assert len(runs) < 20
