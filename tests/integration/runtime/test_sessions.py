"""Sessions in real stores under real frameworks: no process keeps anything, so any of them may answer."""

import asyncio
import subprocess
import sys
import time

import flask
import httpx
import psycopg
import psycopg_pool
import pytest
import redis
from fastapi import FastAPI, Request
from psycopg.rows import dict_row
from twelve_runtime.sessions import PostgresStore, RedisStore, Session, Sessions, SessionTooLarge
from twelve_runtime.sessions.asgi import SessionMiddleware
from twelve_runtime.sessions.flask import FlaskSessions

pytestmark = pytest.mark.integration

KEY = "a secret of these tests"


@pytest.fixture(scope="module")
def places(database_url, redis_url):
    rows = {"row_factory": dict_row}  # as the pools of twelve_runtime.resources have it
    with (
        psycopg_pool.ConnectionPool(database_url, min_size=1, open=True, kwargs=rows) as pool,
        redis.Redis.from_url(redis_url) as client,
    ):
        postgres = PostgresStore(pool.connection)
        postgres.create_table()
        postgres.create_table()  # every release may
        yield {"postgres": postgres, "redis": RedisStore(client)}


@pytest.fixture(params=["postgres", "redis"])
def store(places, request):
    return places[request.param]


@pytest.fixture
def sessions(store):
    return lambda **how: Sessions(store, KEY, **how)


def saved(sessions, **values):
    session = Session(values)
    assert sessions.save(session) == "set"
    return session.id


def test_what_one_saves_another_loads(sessions):
    session_id = saved(sessions(), cart=[1, {"ü": None}])
    found = sessions().load(session_id)
    assert (found, found.id) == ({"cart": [1, {"ü": None}]}, session_id)


def test_an_unknown_or_forged_id_is_an_empty_session(sessions):
    own = sessions()
    for session_id in (own.signer.new(), "forged", None):
        assert (own.load(session_id), own.load(session_id).id) == ({}, None)
    assert Sessions(own.store, "another secret of another").load(saved(own, a=1)) == {}


def test_a_login_and_a_rotation_give_a_new_id_and_end_the_old_one(sessions):
    own = sessions()
    first = saved(own, cart=[1])
    session = own.load(first)
    session["user_id"] = 7
    assert own.save(session) == "set"
    second = session.id
    session.rotate()
    assert own.save(session) == "set"
    assert len({first, second, session.id}) == 3
    assert [own.load(old) for old in (first, second)] == [{}, {}]
    assert own.load(session.id) == {"cart": [1], "user_id": 7}


def test_a_logout_is_not_undone_by_a_request_that_was_under_way(sessions):
    own = sessions()
    session_id = saved(own, user=1)
    slow, rotating, leaving = (own.load(session_id) for _ in range(3))
    assert own.end(leaving) == "clear"
    slow["late"] = True
    rotating.rotate()
    assert [own.save(slow), own.save(rotating)] == ["leave", "leave"]
    assert own.load(session_id) == {}


def test_an_empty_session_is_taken_away_and_none_is_made(sessions):
    own = sessions()
    session = own.load(saved(own, a=1))
    session_id = session.id
    session.clear()
    assert (own.save(session), own.load(session_id).id) == ("clear", None)
    assert own.save(Session()) == "leave"


def test_a_session_ends_when_it_is_idle_or_too_old(sessions, eventually):
    brief = sessions(idle=0.8)
    session_id = saved(brief, a=1)
    assert brief.load(session_id)
    eventually(lambda: brief.load(session_id) == {})
    old = Session({"a": 1}, created=time.time() - 100)
    assert sessions(longest=150).save(old) == "set"
    assert sessions(longest=150).load(old.id)
    assert sessions(longest=99).load(old.id) == {}


def test_a_session_that_is_only_read_is_written_again_only_after_a_while(sessions):
    own = sessions(idle=1000)
    session_id = saved(own, a=1)
    assert own.save(own.load(session_id)) == "leave"
    session = own.load(session_id)
    session.saved -= 60
    assert own.save(session) == "set"
    assert own.load(session_id).saved > session.saved


def test_a_session_that_is_too_large_is_refused_and_the_old_one_stays(sessions):
    own = sessions(largest=100)
    session = own.load(saved(own, a=1))
    session["a"] = "x" * 100
    with pytest.raises(SessionTooLarge):
        own.save(session)
    assert own.load(session.id) == {"a": 1}


def test_connections_of_sqlalchemy_serve_as_well(places, engine):
    own = Sessions(PostgresStore(engine.begin), KEY)
    session = own.load(saved(own, a=1))
    session["b"] = 2
    assert (own.save(session), own.load(session.id)) == ("set", {"a": 1, "b": 2})
    assert own.end(session) == "clear"


def test_purge_takes_what_has_expired(places, database_url):
    own = Sessions(places["postgres"], KEY, idle=0.001)
    saved(own, a=1)
    time.sleep(0.01)
    assert places["postgres"].purge() >= 1
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select 1 from twelve_sessions where expires < now()").fetchone() is None


# Two processes of one app: each client below has two, and every second request goes to the other.


def flask_app(sessions):
    app = flask.Flask("app")
    app.session_interface = FlaskSessions(sessions)

    @app.post("/login/<name>")
    def login(name):
        flask.session["user"] = name
        return "in"

    @app.post("/logout")
    def logout():
        flask.session.clear()
        return "out"

    @app.post("/add/<thing>")
    def add(thing):
        flask.session.setdefault("cart", []).append(thing)
        flask.session["cart"].sort()
        return "added"

    @app.get("/")
    def show():
        return dict(flask.session)

    @app.get("/none")
    def none():
        return "nothing of it"

    return httpx.WSGITransport(app=app)


def fastapi_app(sessions):
    app = FastAPI()
    app.add_middleware(SessionMiddleware, sessions=sessions)

    @app.post("/login/{name}")
    async def login(request: Request, name: str):
        request.session["user"] = name

    @app.post("/logout")
    async def logout(request: Request):
        request.session.clear()

    @app.post("/add/{thing}")
    def add(request: Request, thing: str):
        request.session.setdefault("cart", []).append(thing)
        request.session["cart"].sort()

    @app.get("/")
    def show(request: Request):
        return request.session

    @app.get("/none")
    def none():
        return "nothing of it"

    return Bridge(httpx.ASGITransport(app=app))


class Bridge(httpx.BaseTransport):
    """An ASGI app for the same synchronous client."""

    def __init__(self, transport):
        self._transport = transport

    def handle_request(self, request):
        return asyncio.run(self._ask(request))

    async def _ask(self, request):
        answer = await self._transport.handle_async_request(
            httpx.Request(request.method, request.url, headers=request.headers)
        )
        return httpx.Response(answer.status_code, headers=answer.headers.raw, content=await answer.aread())


class Alternating(httpx.BaseTransport):
    def __init__(self, transports):
        self._transports = transports

    def handle_request(self, request):
        self._transports.reverse()
        return self._transports[0].handle_request(request)


@pytest.fixture(params=[flask_app, fastapi_app], ids=["flask", "fastapi"])
def client(request, sessions):
    transport = Alternating([request.param(sessions()), request.param(sessions())])
    with httpx.Client(transport=transport, base_url="http://app") as client:
        yield client


def test_any_process_answers_with_the_same_session(client, store):
    for thing in ("b", "a", "c"):
        client.post(f"/add/{thing}").raise_for_status()
    first = client.cookies["session"]
    client.post("/login/ada")
    second = client.cookies["session"]
    assert first != second
    assert client.get("/").json() == {"cart": ["a", "b", "c"], "user": "ada"}
    client.post("/logout")
    assert "session" not in client.cookies
    for stolen in (first, second):
        assert client.get("/", headers={"cookie": f"session={stolen}"}).json() == {}


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client):
    answer = client.post("/add/a")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "cookie" in answer.headers["vary"].lower()


def test_who_does_not_use_it_gets_no_cookie(client):
    answer = client.get("/none")
    assert "set-cookie" not in answer.headers
    assert "vary" not in answer.headers
    assert "set-cookie" not in client.get("/").headers
    assert client.get("/").headers["vary"].lower() == "cookie"


@pytest.mark.parametrize("junk", ["x", "a" * 86, '"', "a=b; session", "\\000", "x" * 5000])
def test_a_forged_cookie_is_an_empty_session(client, junk):
    assert client.get("/", headers={"cookie": f"session={junk}"}).json() == {}


def test_behind_a_front_door_with_tls_the_cookie_is_secure(sessions):
    with httpx.Client(transport=fastapi_app(sessions()), base_url="http://app") as client:
        plain = client.post("/add/a").headers["set-cookie"]
        tls = client.post("/add/b", headers={"x-forwarded-proto": "https"}).headers["set-cookie"]
    assert ("Secure" in plain, "Secure" in tls) == (False, True)


DJANGO = """
import sys, warnings
import django, psycopg_pool, redis
from django.conf import settings
from twelve_runtime.sessions import PostgresStore, RedisStore, Sessions

kind, url = sys.argv[1:]
pool = psycopg_pool.ConnectionPool(url, min_size=1, open=True) if kind == "postgres" else None
store = PostgresStore(pool.connection) if pool else RedisStore(redis.Redis.from_url(url))
settings.configure(
    SECRET_KEY="x" * 50, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], USE_TZ=True,
    SESSION_ENGINE="twelve_runtime.sessions.django", TWELVE_SESSIONS=Sessions(store, "a secret of these tests"),
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
)
django.setup()
from django.http import JsonResponse
from django.test import AsyncClient, Client
from django.urls import path
from django.contrib.sessions.backends.base import UpdateError

def add(request, thing):
    request.session["cart"] = sorted([*request.session.get("cart", []), thing])
    return JsonResponse({})

def login(request):
    request.session.cycle_key()
    request.session["user"] = "ada"
    return JsonResponse({})

def logout(request):
    request.session.flush()
    return JsonResponse({})

async def show(request):
    return JsonResponse({key: value for key, value in await request.session.aitems()})

urlpatterns = [path("add/<thing>", add), path("login", login), path("logout", logout), path("", show)]

client = Client()
client.get("/add/b"), client.get("/add/a")
first = client.cookies["sessionid"].value
assert len(first) == 86
client.get("/login")
second = client.cookies["sessionid"].value
assert second != first
assert client.get("/").json() == {"cart": ["a", "b"], "user": "ada"}

other = Client()
for cookie in (first, "forged", "a" * 86):
    other.cookies["sessionid"] = cookie
    assert other.get("/").json() == {}, cookie

from twelve_runtime.sessions.django import SessionStore
slow = SessionStore(second)
slow["late"] = True
client.get("/logout")
try:
    slow.save()
except UpdateError:
    pass
else:
    raise AssertionError("a logout was undone")
other.cookies["sessionid"] = second
assert other.get("/").json() == {}
SessionStore.clear_expired()
if pool:
    pool.close()
print("all of it")
"""


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_under_django(kind, places, database_url, redis_url, tmp_path):
    url = database_url if kind == "postgres" else redis_url
    (tmp_path / "app.py").write_text(DJANGO)
    command = [sys.executable, "-W", "error", "app.py", kind, url]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.stderr, ran.stdout, ran.returncode) == ("", "all of it\n", 0)
