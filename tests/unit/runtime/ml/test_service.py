"""Every framework from the store to an answer, without HTTP; then under the frameworks of the web."""

import asyncio
import io
import json
import os
from pathlib import Path

import httpx
import joblib
import numpy as np
import pytest
import safetensors.numpy
import skops.io
from fastapi import FastAPI
from flask import Flask
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from twelve_runtime.artifacts import signing
from twelve_runtime.ml import settings
from twelve_runtime.ml.asgi import Application
from twelve_runtime.ml.emit import Stdout
from twelve_runtime.ml.errors import BadInput, Unusable
from twelve_runtime.ml.mount import Wsgi, predict
from twelve_runtime.ml.service import Service
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from tests.support import models
from tests.support.models import ROW, environment

WEIGHTS = models.weights()


def by_tensors(tensors):
    """MODEL_BUILDER of the safetensors model below."""

    def answer(inputs):
        scores = inputs["X"] @ tensors["W"]
        shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        return {"label": shares.argmax(axis=1), "probabilities": shares}

    return answer


class World:
    def __init__(self, home):
        self.store, self.lines = home / "store", home / "lines"

    def service(self, published, **more):
        out = os.open(self.lines, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        return Service(settings.read(environment(self.store, published, **more)), out=Stdout(out))

    def events(self, name):
        found = [json.loads(line) for line in self.lines.read_text().splitlines()]
        return [event for event in found if event["event"] == name]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture(scope="module")
def estimator():
    rows = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, (rows @ WEIGHTS).argmax(axis=1))


def golden(estimator):
    rows = np.array([ROW], dtype=np.float32)
    label, shares = estimator.predict(rows), estimator.predict_proba(rows)
    outputs = [models.tensor("label", "INT64", label), models.tensor("probabilities", "FP32", shares)]
    return {"inputs": [models.tensor("X", "FP32", rows)], "outputs": outputs}


def publish(world, estimator, framework="sklearn-skops", signing_key=""):
    pickled = io.BytesIO()
    joblib.dump(estimator, pickled)
    files = {
        "sklearn-skops": lambda: {"m.skops": skops.io.dumps(estimator)},
        "pickle": lambda: {"m.pkl": pickled.getvalue()},
    }
    return models.publish(
        world.store, framework=framework, files=files[framework](), golden=[golden(estimator)], signing_key=signing_key
    )


def test_skops(world, estimator):
    service = world.service(publish(world, estimator))
    said = predict(service, {"X": ROW})
    assert said["label"] == estimator.predict([ROW])[0]
    assert np.allclose(said["probabilities"], estimator.predict_proba(np.array([ROW], np.float32))[0], atol=1e-6)


def test_skops_types_are_named_by_the_release_and_never_by_the_artifact(world):
    fitted = DecisionTreeClassifier(random_state=0).fit(np.eye(4), [0, 1, 2, 0])
    published = publish(world, fitted)
    with pytest.raises(Unusable, match=r"sklearn\.tree\._tree\.Tree, which MODEL_TRUSTED_TYPES does not name"):
        world.service(published)
    service = world.service(published, MODEL_TRUSTED_TYPES="sklearn.tree._tree.Tree")
    assert predict(service, {"X": ROW})["label"] == fitted.predict([ROW])[0]


def test_a_pickle_is_loaded_only_when_allowed_pinned_and_signed(world, estimator):
    private, public = signing.keypair()
    published = publish(world, estimator, "pickle", private)
    allowed = {"MODEL_ALLOW_PICKLE": "1", "MODEL_PUBLIC_KEY": public}
    for missing, said in [
        ({"MODEL_ALLOW_PICKLE": "0"}, "MODEL_ALLOW_PICKLE=1 allows it"),
        ({"MODEL_SHA256": ""}, "not pinned"),
        ({"MODEL_PUBLIC_KEY": ""}, "not signed"),
    ]:
        with pytest.raises(Unusable, match=said):
            world.service(published, **allowed | missing)
    assert predict(world.service(published, **allowed), {"X": ROW})["label"] == estimator.predict([ROW])[0]


def test_safetensors_with_the_app_s_builder(world, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    files = {"w.safetensors": safetensors.numpy.save({"W": WEIGHTS})}
    published = models.publish(world.store, framework="safetensors", files=files)
    service = world.service(published, MODEL_BUILDER="test_service:by_tensors")
    assert predict(service, {"X": ROW})["label"] == models.expected([ROW])[0][0]


def test_requests_of_one_moment_are_one_call(world, estimator):
    service = world.service(publish(world, estimator), MODEL_BATCH="64", MODEL_FALLBACK='default:{"label":null}')
    calls, level = [], service.lineup.chain.levels[0]
    object.__setattr__(
        level, "predict", lambda inputs, real=level.predict: calls.append(len(inputs["X"])) or real(inputs)
    )
    rows = np.random.default_rng(1).normal(size=(20, 4)).astype(np.float32).tolist()
    found = asyncio.run(together(Application(service), rows))
    assert [one["label"] for one in found] == estimator.predict(np.array(rows, np.float32)).tolist()
    assert calls == [20]


async def together(application, rows):
    async def one(row):
        return await asgi(application, "/predict", {"X": row})

    return await asyncio.gather(*map(one, rows))


async def asgi(application, path, document):
    sent, body = [], json.dumps(document).encode()

    async def receive():
        return {"type": "http.request", "body": body}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}
    await application(scope, receive, send)
    return json.loads(sent[1]["body"])


def test_a_row_that_breaks_the_model_costs_only_itself(world, estimator):
    service = world.service(publish(world, estimator), MODEL_BATCH="64", MODEL_FALLBACK='default:{"label":null}')
    level = service.lineup.chain.levels[0]

    def fragile(inputs, real=level.predict):
        if (inputs["X"] == 13).any():
            raise ValueError("unlucky")
        return real(inputs)

    object.__setattr__(level, "predict", fragile)
    found = asyncio.run(together(Application(service), [ROW, [13, 0, 0, 0], ROW]))
    assert [one["_meta"]["fallback"] for one in found] == [0, 1, 0]


EXPERIMENT = "salt=checkout-ranker.1;unit=header:x-user-id;a=1;b=2:0-1999"


def test_an_experiment_without_a_router(world):
    first, second = models.publish(world.store, seed=0), models.publish(world.store, seed=1)
    service = world.service(first, EXPERIMENT=EXPERIMENT, MODEL_PINS=json.dumps({"2": second.digest}))
    said = {unit: predict(service, {"X": ROW}, x_user_id=unit)["_meta"] for unit in ("43", "42", "")}
    assert [(said[unit]["variant"], said[unit]["version"]) for unit in said] == [("b", "2"), ("a", "1"), (None, "1")]
    lines = world.events("prediction")
    assert [line["experiment"] for line in lines] == ["checkout-ranker.1"] * 2 + [None]
    assert lines[0]["unit_hash"] != lines[1]["unit_hash"]
    assert "43" not in json.dumps([line["unit_hash"] for line in lines])


@pytest.mark.parametrize(
    ("mode", "shown"),
    [("all", {"input"}), ("meta", {"input_sha256"}), ("sample:1", {"input", "sample_rate"}), ("off", None)],
)
def test_how_much_is_logged(world, mode, shown):
    predict(world.service(models.publish(world.store), PREDICTION_LOG=mode), {"X": ROW})
    lines = world.events("prediction")
    if shown is None:
        assert lines == []
    else:
        assert shown == lines[0].keys() & {"input", "input_sha256", "sample_rate", "truncated"}


def test_the_spread_of_inputs_leaves_without_the_inputs(world):
    reference = {
        "X[0]": {"kind": "numeric", "edges": [0.0, 1.0], "p": [0.3, 0.4, 0.3], "n": 9},
        "label": {"kind": "category", "values": ["0", "1", "2"], "p": [0.3, 0.4, 0.3], "n": 9},
        "later": {"kind": "something new"},
    }
    service = world.service(models.publish(world.store, reference=reference), PREDICTION_LOG="meta")
    rows = [[-1.0, 0, 0, 0], [0.0, 0, 0, 0], [0.5, 0, 0, 0], [7.0, 0, 0, 0]]
    predict(service, {"records": [{"X": row} for row in rows]})
    service.close()
    (event,) = world.events("feature_hist")
    assert (event["rows"], event["features"]["X[0]"]) == (4, {"counts": [1, 2, 1]})
    assert sum(event["features"]["label"]["counts"]) == 4
    assert event["release"] == "v12"


def test_many_features_come_in_lines_that_are_not_divided(world):
    kind = {"kind": "numeric", "edges": list(range(40)), "p": [1 / 41] * 41, "n": 9}
    wide = {"inputs": [{"name": "X", "datatype": "FP32", "shape": [-1, 200]}], "outputs": models.SIGNATURE["outputs"]}
    example = models.golden(0)
    example["inputs"] = [models.tensor("X", "FP32", np.zeros((1, 200)))]
    published = models.publish(
        world.store, framework="python", files={"any": b""}, signature=wide, golden=[example],
        reference={f"X[{number}]": kind for number in range(200)},
    )  # fmt: skip
    service = world.service(published, MODEL_BUILDER="tests.unit.runtime.ml.test_service:constant")
    predict(service, {"X": [1] * 200})
    service.close()
    events = world.events("feature_hist")
    assert sum(len(event["features"]) for event in events) == 200
    assert max(map(len, world.lines.read_bytes().splitlines())) < 4096


def constant(_):
    label, shares = models.expected([ROW])
    return lambda _: {"label": label, "probabilities": shares}


def test_under_flask(world):
    service = world.service(models.publish(world.store))
    client = Client(DispatcherMiddleware(Flask("shop"), {"/models": Wsgi(service)}))
    answers(lambda path, **more: (client.post if more else client.get)(path, **more))


def test_a_body_in_chunks_under_flask(world):
    """Servers that say where it ends (gunicorn, uWSGI) are read to there; others give nothing."""
    client = Client(Wsgi(world.service(models.publish(world.store))))
    body = json.dumps({"X": ROW}).encode()
    for ends, status in ((True, 200), (False, 400)):
        environ = {"wsgi.input_terminated": ends, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
        answer = client.post("/predict", input_stream=io.BytesIO(body), environ_overrides=environ)
        assert answer.status_code == status, answer.text


def test_under_fastapi(world):
    service = world.service(models.publish(world.store))
    app = FastAPI()
    app.mount("/models", Application(service))

    async def ask(path, **more):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await (client.post if more else client.get)(path, **more)

    answers(lambda path, **more: asyncio.run(ask(path, **more)))


def answers(ask):
    good, bad = ask("/models/predict", json={"X": ROW}), ask("/models/predict", json={"X": [1]})
    assert (good.status_code, bad.status_code) == (200, 400)
    assert json.loads(good.text)["label"] == models.expected([ROW])[0][0]
    assert good.headers["x-twelve-model"] == "digits@1"
    assert ask("/models/v2/health/ready").status_code == 200


def test_a_problem_is_raised_where_there_is_no_http(world):
    service = world.service(models.publish(world.store))
    with pytest.raises(BadInput, match="the model takes"):
        predict(service, {"X": [1.0]})
    with pytest.raises(BadInput, match="is an object"):
        predict(service, [ROW])
    assert [event["error_type"] for event in world.events("prediction")] == ["bad_input"] * 2
