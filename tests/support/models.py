"""Small models in a store, and processes that serve them."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from twelve_runtime.artifacts import models
from twelve_runtime.artifacts.models import Draft
from twelve_runtime.artifacts.store import Store

WIDTH, CLASSES = 4, 3
SIGNATURE = {
    "inputs": [{"name": "X", "datatype": "FP32", "shape": [-1, WIDTH]}],
    "outputs": [
        {"name": "label", "datatype": "INT64", "shape": [-1]},
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, CLASSES]},
    ],
}
ROW = [0.5, -1.0, 2.0, 0.25]


def weights(seed=0):
    return np.random.default_rng(seed).normal(size=(WIDTH, CLASSES)).astype(np.float32)


def linear(seed=0):
    """softmax(X W) and where it is largest, as ONNX."""
    nodes = [
        helper.make_node("MatMul", ["X", "W"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
    ]
    takes = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, WIDTH])]
    gives = [
        helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, CLASSES]),
    ]
    graph = helper.make_graph(nodes, "linear", takes, gives, [numpy_helper.from_array(weights(seed), "W")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return onnx.ModelProto.SerializeToString(model, deterministic=True)


def expected(rows, seed=0):
    scores = np.asarray(rows, dtype=np.float32) @ weights(seed)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return shares.argmax(axis=1), shares


def golden(seed=0, rows=(ROW,)):
    label, shares = expected(rows, seed)
    return {
        "inputs": [tensor("X", "FP32", np.asarray(rows))],
        "outputs": [tensor("label", "INT64", label), tensor("probabilities", "FP32", shares)],
        "rtol": 1e-4, "atol": 1e-5,
    }  # fmt: skip


def tensor(name, datatype, array):
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": array.ravel().tolist()}


def publish(store, *, name="digits", seed=0, framework="onnx", files=None, signing_key="", **draft):
    """A new version; `store` is a directory."""
    found = Store.open(url(store), make=True)
    made = Draft(name, framework, **{"signature": SIGNATURE, "golden": [golden(seed)]} | draft)
    return models.publish(found, made, files or {"model.onnx": linear(seed)}, signing_key=signing_key)


def url(store):
    return f"file://{store}"


def environment(store, published, **more):
    """What a release sets."""
    return {
        "MODEL_NAME": "digits", "MODEL_VERSION": published.version, "MODEL_SHA256": published.digest,
        "MODEL_STORE_URL": url(store), "MODEL_CACHE": str(Path(store).with_name("cache")),
        "HEROKU_APP_NAME": "demo", "HEROKU_RELEASE_VERSION": "v12", "DYNO": "web.1",
    } | more  # fmt: skip


class Serving:
    """`python -m twelve_runtime.ml serve` on a free port, with its lines."""

    def __init__(self, env, cwd=None, *, wait=True):
        self.port = free_port()
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
        self._directory = Path(env["MODEL_CACHE"]).parent
        self._out = self._directory / f"out-{self.port}"
        with self._out.open("wb") as out, self._out.with_suffix(".err").open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "twelve_runtime.ml", "serve"],
                env={**kept, **env, "PORT": str(self.port)}, cwd=cwd, stdout=out, stderr=err,
            )  # fmt: skip
        if wait:
            until(lambda: self.process.poll() is not None or self.answers(), 30)
            assert self.process.poll() is None, self.stderr

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(40)

    def answers(self):
        try:
            return self.get("/v2/health/ready")[0] == 200
        except OSError:
            return False

    @property
    def stderr(self):
        return self._out.with_suffix(".err").read_text()

    def events(self, name=None):
        """All that were told before now: lines leave at the end of the loop's turn, so the next answer comes after."""
        if self.process.poll() is None:
            self.get("/v2/health/live")
        found = [json.loads(line) for line in self._out.read_text().splitlines() if line.startswith("{")]
        return [event for event in found if name in {None, event["event"]}]

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, document, **headers):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.request("POST", path, body, **{"content-type": "application/json"} | headers)

    def request(self, method, path, body=None, **headers):
        """Status, document (or text), headers."""
        wire = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, wire, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=20) as answer:
                return answer.status, parsed(answer.read()), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, parsed(error.read()), error.headers


def parsed(body):
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, timeout=15.0):
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)
    return value
