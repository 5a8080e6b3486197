"""The library under real servers: gunicorn with Flask and Django, uvicorn with FastAPI and Django; real SIGTERMs."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from tests.support.live import free_port, wait_for

pytestmark = pytest.mark.integration

COMMON = """
import sys, time
from twelve_runtime import Lifecycle, events
from twelve_runtime.config import Config, PostgresUrl, load_or_exit
from twelve_runtime.health import Health
from twelve_runtime.resources import postgres

class Settings(Config):
    database_url: PostgresUrl

settings = load_or_exit(Settings)
log = events.configure()
lifecycle = Lifecycle()
lifecycle.on_close("the marker", lambda: log.info("closed"))

def one():
    with pool.connection() as db:
        return db.execute("select 1 as one").fetchone()["one"]

health = Health({"database": one}, lifecycle=lifecycle)
"""
SYNC = "\npool = postgres.pool(settings.database_url, lifecycle=lifecycle)\n"
DJANGO = """
from django.conf import settings as django
django.configure(ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None)
from django.http import HttpResponse
from django.urls import path

def page(request):
    log.info("inside")
    return HttpResponse(str(one()))

def slow(request):
    log.info("slow begun")
    time.sleep(0.5)
    return HttpResponse(str(one()))

urlpatterns = [path("", page), path("slow", slow)]
"""
APPS = {
    "flask": (
        SYNC
        + """
from flask import Flask
app = Flask(__name__)

@app.get("/")
def page():
    log.info("inside")
    return str(one())

@app.get("/slow")
def slow():
    log.info("slow begun")
    time.sleep(0.5)
    return str(one())

app.wsgi_app = lifecycle.wsgi(events.wsgi(health.wsgi(app.wsgi_app)))
""",
        "gunicorn",
    ),
    "django": (
        SYNC
        + DJANGO
        + """
from django.core.wsgi import get_wsgi_application
app = lifecycle.wsgi(events.wsgi(health.wsgi(get_wsgi_application())))
""",
        "gunicorn",
    ),
    "django-asgi": (
        SYNC
        + DJANGO
        + """
from django.core.asgi import get_asgi_application
app = lifecycle.asgi(events.asgi(health.asgi(get_asgi_application())))
""",
        "uvicorn",
    ),
    "fastapi": (
        """
import asyncio
from contextlib import asynccontextmanager
from fastapi import FastAPI

async def one():
    async with pool.connection() as db:
        return (await (await db.execute("select 1 as one")).fetchone())["one"]

@asynccontextmanager
async def lifespan(app):
    global pool
    pool = await postgres.async_pool(settings.database_url, lifecycle=lifecycle)
    yield
    log.info("app's own end")

api = FastAPI(lifespan=lifespan)
health = Health({"database": one}, lifecycle=lifecycle)

@api.get("/")
async def page():
    log.info("inside")
    return await one()

@api.get("/slow")
async def slow():
    log.info("slow begun")
    await asyncio.sleep(0.5)
    return await one()

app = lifecycle.asgi(events.asgi(health.asgi(api)))
""",
        "uvicorn",
    ),
}
SERVERS = {
    "gunicorn": ["gunicorn", "app:app", "--threads", "4", "--graceful-timeout", "20", "--no-control-socket"],
    "uvicorn": ["uvicorn", "app:app", "--no-access-log"],
}


class Served:
    def __init__(self, directory, name, environ):
        program, server = APPS[name]
        (directory / "app.py").write_text(COMMON + program)
        self.port = free_port()
        where = ["--bind", f"127.0.0.1:{self.port}"] if server == "gunicorn" else ["--port", str(self.port)]
        self.output = directory / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *SERVERS[server], *where], cwd=directory, env=environ, stdout=output,
                stderr=subprocess.STDOUT,
            )  # fmt: skip

    def get(self, path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers

    def answers(self):
        assert self.process.poll() is None, self.output.read_text()
        with contextlib.suppress(OSError):
            return self.get("/readyz")[0] == 200
        return False

    def events(self):
        lines = [line for line in self.output.read_text().splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines]

    def of(self, request_id):
        return [line["event"] for line in self.events() if line.get("request_id") == request_id]

    def said(self, event):
        return [line for line in self.events() if line["event"] == event]


@pytest.fixture
def serve(tmp_path, database_url):
    running = []

    def start(name):
        served = Served(tmp_path, name, os.environ | {"DATABASE_URL": database_url})
        running.append(served)
        wait_for(served.answers, f"{name} answers")
        return served

    yield start
    for served in running:
        if served.process.poll() is None:
            served.process.kill()
        served.process.wait()


@pytest.mark.parametrize("name", APPS)
def test_told_to_stop_it_finishes_what_is_in_hand_and_closes_in_order(serve, name):
    served = serve(name)
    status, body, headers = served.get("/", **{"X-Request-Id": "r-7"})
    assert (status, body, headers["X-Request-Id"]) == (200, "1", "r-7")
    wait_for(lambda: served.of("r-7") == ["inside", "request"], "both lines have the request's id")
    assert json.loads(served.get("/readyz")[1])["checks"]["database"]["status"] == "up"
    answered = []
    slow = threading.Thread(target=lambda: answered.append(served.get("/slow")[:2]))
    slow.start()
    wait_for(lambda: served.said("slow begun"), "the slow request is in hand")
    served.process.send_signal(signal.SIGTERM)
    served.process.wait(timeout=20)
    slow.join()
    assert answered == [(200, "1")]
    order = [line["event"] for line in served.events()]
    last = max(index for index, line in enumerate(served.events()) if line["event"] == "request")
    assert order.index("closed") > last
    assert "failed" not in served.output.read_text().lower().replace("request_failed", "")
    assert served.process.returncode in {0, -signal.SIGTERM}


def test_missing_config_ends_the_server_with_the_sentence(tmp_path):
    environ = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    served = Served(tmp_path, "fastapi", environ)
    assert served.process.wait(timeout=20) == 78
    assert "DATABASE_URL is missing" in served.output.read_text()


WORKER = """
import sys, time
from twelve_runtime import Lifecycle, events
from twelve_runtime.resources import redis
import os
log = events.configure()
with Lifecycle() as lifecycle:
    queue = redis.client(os.environ["REDIS_URL"], lifecycle=lifecycle)
    lifecycle.on_close("the marker", lambda: log.info("closed"))
    log.info("ready")
    while not lifecycle.stopping:
        job = queue.blpop(["runtime:jobs"], timeout=1)
        if job:
            log.info("begun", job=job[1])
            time.sleep(0.4)
            queue.rpush("runtime:done", job[1])
            log.info("done", job=job[1])
log.info("ended")
"""


def test_a_worker_finishes_its_job_and_takes_no_other(redis_url, tmp_path):
    from twelve_runtime.resources import redis

    queue = redis.client(redis_url)
    queue.delete("runtime:jobs", "runtime:done")
    output = tmp_path / "output"
    with output.open("wb") as stream:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER], env=os.environ | {"REDIS_URL": redis_url}, stdout=stream,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    queue.rpush("runtime:jobs", "one", "two")
    wait_for(lambda: "begun" in output.read_text(), "the job is begun")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=20) == 0
    said = [json.loads(line)["event"] for line in output.read_text().splitlines()]
    assert said == ["ready", "begun", "done", "closed", "ended"]
    assert queue.lrange("runtime:done", 0, -1) == ["one"]
    assert queue.lrange("runtime:jobs", 0, -1) == ["two"]
