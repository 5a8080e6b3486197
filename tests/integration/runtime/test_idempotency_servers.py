"""Two real servers of one app: one is killed in the middle of a request, and the client asks the other."""

import os
import signal
import socket
import subprocess
import sys
import threading

import httpx
import psycopg
import pytest
from twelve_runtime import idempotency

pytestmark = pytest.mark.integration

APP = """
import os, time
import psycopg, psycopg_pool, redis, uvicorn
from fastapi import FastAPI, Request
from twelve_runtime.idempotency import Leases, RedisStore, asgi, http, once

pool = psycopg_pool.ConnectionPool(os.environ["DATABASE_URL"], min_size=1, open=True)
leases = Leases(RedisStore(redis.Redis.from_url(os.environ["REDIS_URL"])), crashed="retry", lease=2.0, wait=20)
app = FastAPI()
app.add_middleware(
    asgi.IdempotencyMiddleware, leases=leases, caller=http.by_authorization, methods=frozenset({"PUT"})
)

def stall():
    if os.environ["SLOW"] == "1":
        print("inside", flush=True)
        time.sleep(60)

@app.post("/orders")
def order(request: Request):
    key = http.key(request.headers["idempotency-key"])
    with pool.connection() as db, once(db, key, wait=20) as effect:
        if effect.first:
            db.execute("insert into served values (%s)", [key])
            stall()
            effect.answer = f"by {os.getpid()}".encode()
    return effect.answer.decode()

@app.put("/mails")
def mail(request: Request):
    with psycopg.connect(os.environ["DATABASE_URL"]) as db:
        db.execute("insert into served values (%s)", [request.headers["idempotency-key"]])
    stall()
    return f"by {os.getpid()}"

uvicorn.run(app, port=int(os.environ["PORT"]), log_level="error")
"""


@pytest.fixture
def serve(database_url, redis_url, eventually):
    with psycopg.connect(database_url) as connection:
        idempotency.create(connection)
        connection.execute("create table if not exists served (key text)")
    started = []

    def start(*slow):
        """A server for each, all at once: much of their time is imports."""
        found = [begin(each) for each in slow]
        for process, port in found:
            eventually(lambda process=process, port=port: process.poll() is not None or _listens(port), 30)
        return [(process, f"http://127.0.0.1:{port}") for process, port in found]

    def begin(slow):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        environment = os.environ | {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        environment |= {"PORT": str(port), "SLOW": "1" if slow else "0"}
        process = subprocess.Popen([sys.executable, "-c", APP], env=environment, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process, port

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _listens(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(("method", "path", "effects"), [("POST", "/orders", 1), ("PUT", "/mails", 2)])
def test_what_a_killed_server_began_another_one_ends(serve, database_url, method, path, effects):
    """In the database the effect is there once. Elsewhere it was chosen that it happens again, and all get one answer."""
    key = f"served-{path[1:]}-{os.urandom(4).hex()}"

    def ask(url):
        with httpx.Client(timeout=40) as client:
            return client.request(method, url + path, headers={"idempotency-key": key})

    (victim, first), (_, second) = serve(True, False)
    broken = threading.Thread(target=_broken, args=(ask, first))
    broken.start()
    assert victim.stdout.readline() == "inside\n"
    answers = []
    waiting = [threading.Thread(target=lambda: answers.append(ask(second).json())) for _ in range(3)]
    for thread in waiting:
        thread.start()
    victim.send_signal(signal.SIGKILL)
    for thread in [broken, *waiting]:
        thread.join(40)
    assert (len(answers), len(set(answers))) == (3, 1)
    assert ask(second).json() == answers[0]
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from served where key = %s", [key]).fetchone() == (effects,)


def _broken(ask, url):
    with pytest.raises(httpx.HTTPError):
        ask(url)
