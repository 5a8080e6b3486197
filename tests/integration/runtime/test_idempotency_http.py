"""The `Idempotency-Key` header before real frameworks: FastAPI (ASGI), Flask and Django (WSGI)."""

import asyncio
import json
import threading
import time

import fastapi
import flask
import httpx
import pytest
import redis
from fastapi.responses import JSONResponse
from twelve_runtime.idempotency import Leases, RedisStore, asgi, wsgi
from twelve_runtime.idempotency.http import by_authorization

pytestmark = pytest.mark.integration


class Shop:
    """What both apps sell: `effects` is what happened, `gate` holds an effect open."""

    def __init__(self):
        self.effects = []
        self.gate = threading.Event()
        self.gate.set()
        self.inside = threading.Event()

    def order(self, body):
        self.inside.set()
        self.gate.wait(20)
        self.effects.append(body)
        return {"order": len(self.effects), "got": body, "at": time.time()}


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture
def leases(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        yield lambda **how: Leases(RedisStore(client), **{"crashed": "retry", "lease": 5, "wait": 10} | how)


def fastapi_client(shop, leases, **settings):
    app = fastapi.FastAPI()
    app.add_middleware(asgi.IdempotencyMiddleware, leases=leases, caller=by_authorization, **settings)

    @app.post("/orders", status_code=201)
    async def orders(request: fastapi.Request):
        body = (await request.body()).decode()
        if body == "bad":
            return JSONResponse({"error": "bad"}, 400)
        if body == "broken" and not shop.effects:
            shop.effects.append(body)
            return JSONResponse({"error": "broken"}, 500)
        if body == "limited" and not shop.effects:
            shop.effects.append(body)
            return JSONResponse({"error": "slowly"}, 429)
        return await asyncio.to_thread(shop.order, body)

    return Client(app)


def flask_client(shop, leases, **settings):
    app = flask.Flask("shop")
    app.config["PROPAGATE_EXCEPTIONS"] = True

    @app.post("/orders")
    def orders():
        body = flask.request.get_data().decode()
        if body == "bad":
            return {"error": "bad"}, 400
        if body in {"broken", "limited"} and not shop.effects:
            shop.effects.append(body)
            return {"error": body}, 500 if body == "broken" else 429
        return shop.order(body), 201

    app.wsgi_app = wsgi.IdempotencyMiddleware(app.wsgi_app, leases, by_authorization, **settings)
    return Client(app)


class Client:
    """The same calls for both, from any thread."""

    def __init__(self, app):
        self._wsgi = isinstance(app, flask.Flask)
        self._app = app

    def post(self, body="x", key=None, path="/orders", who="me"):
        headers = {"authorization": who} | ({} if key is None else {"idempotency-key": key})
        if self._wsgi:
            with httpx.Client(transport=httpx.WSGITransport(app=self._app), base_url="http://shop") as client:
                return client.post(path, content=body, headers=headers)
        return asyncio.run(self._post(path, body, headers))

    async def _post(self, path, body, headers):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self._app), base_url="http://shop") as client:
            return await client.post(path, content=body, headers=headers)


@pytest.fixture(params=[fastapi_client, flask_client], ids=["fastapi", "flask"])
def client(request, shop, leases):
    return lambda crashed="retry", wait=10, **settings: request.param(
        shop, leases(crashed=crashed, wait=wait), **settings
    )


@pytest.fixture
def key(request):
    return f'"{time.monotonic_ns()}"'


def test_the_answer_is_replayed_byte_for_byte(client, shop, key):
    own = client()
    first, second = own.post("a", key), own.post("a", key)
    bare = own.post("a", key.strip('"'))
    assert first.status_code == second.status_code == 201
    assert first.content == second.content == bare.content
    assert [*first.headers.raw, (b"idempotency-replayed", b"true")] == second.headers.raw
    assert shop.effects == ["a"]


def test_a_request_without_a_key_goes_its_way_unless_one_is_needed(client, shop, key):
    assert [client().post("a").status_code for _ in range(2)] == [201, 201]
    strict = client(required=lambda method, path: (method, path) == ("POST", "/orders"))
    refused = strict.post("b")
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
    assert "needs an Idempotency-Key" in refused.json()["detail"]
    assert strict.post("b", key).status_code == 201
    assert shop.effects == ["a", "a", "b"]


@pytest.mark.parametrize("bad", ['""', '"open', 'a"b', "a,b", "a;b=c", "x" * 256, '"x" "y"', "a b"])
def test_a_key_that_cannot_be_read_is_refused(client, shop, bad):
    assert client().post("a", bad).status_code == 400
    assert shop.effects == []


def test_another_request_under_the_same_key_is_422(client, shop, key):
    own = client()
    own.post("a", key)
    for refused in (own.post("b", key), own.post("a", key, path="/orders?x=1")):
        assert refused.status_code == 422
        assert key.strip('"') not in refused.text
    assert shop.effects == ["a"]


def test_the_same_key_of_another_caller_is_another_key(client, shop, key):
    own = client()
    assert own.post("a", key).json() != own.post("a", key, who="you").json()
    assert shop.effects == ["a", "a"]


def test_a_duplicate_meanwhile_waits_or_gets_409(client, shop, key):
    shop.gate.clear()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(client().post("a", key).content)) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert shop.inside.wait(10)
    busy = client(wait=0).post("a", key)
    assert (busy.status_code, busy.headers["retry-after"], busy.json()["status"]) == (409, "1", 409)
    shop.gate.set()
    for thread in threads:
        thread.join(20)
    assert (len(answers), len(set(answers)), shop.effects) == (3, 1, ["a"])


def test_a_refusal_is_an_answer_and_a_failure_is_none_when_retries_are_chosen(client, shop, key):
    own = client()
    assert [own.post("bad", key).status_code for _ in range(2)] == [400, 400]
    assert own.post("bad", key).headers["idempotency-replayed"] == "true"
    other = key[:-1] + 'b"'
    assert [own.post("broken", other).status_code for _ in range(2)] == [500, 201]


def test_a_failure_is_the_answer_when_nothing_may_run_twice(client, shop, key):
    own = client(crashed="unknown")
    assert [own.post("broken", key).status_code for _ in range(2)] == [500, 500]
    assert shop.effects == ["broken"]


def test_being_told_to_come_later_is_not_kept(client, shop, key):
    own = client(crashed="unknown")
    assert [own.post("limited", key).status_code for _ in range(2)] == [429, 201]


def test_a_key_whose_holder_vanished_says_so(client, shop, key, leases):
    own = client(crashed="unknown", wait=0)
    shop.order = None  # an error inside the effect
    with pytest.raises(TypeError):
        own.post("a", key)
    refused = own.post("a", key)
    assert (refused.status_code, "not known" in refused.json()["title"]) == (409, True)


def test_large_requests_and_answers_are_bounded(client, shop, key):
    own = client(largest=200)
    assert own.post("x" * 201, key).status_code == 413
    assert shop.effects == []
    first, second = own.post("x" * 180, key), own.post("x" * 180, key)
    assert (first.status_code, second.status_code) == (201, 409)
    assert "too large" in json.loads(second.content)["title"]
    assert len(shop.effects) == 1
