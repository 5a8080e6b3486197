"""What clients see when models fail, are slow, are missing or were tampered with: answers, all flagged, or nothing at
all from a process that must not serve.
"""

import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from twelve_runtime.artifacts import signing

from tests.support import models
from tests.support.models import ROW, Serving, environment, until

pytestmark = pytest.mark.integration

APP = '''
import os, time
from pathlib import Path
import numpy as np

def build(directory):
    """Fails, sleeps or answers as a file says, so that a test can change its mind."""
    switch = Path(os.environ["SWITCH"])

    def predict(inputs):
        mood = switch.read_text() if switch.exists() else "well"
        if mood == "raise":
            raise RuntimeError("the model is broken")
        if mood.startswith("sleep"):
            time.sleep(float(mood.split()[1]))
        rows = len(inputs["X"])
        shares = np.full((rows, 3), [0.7, 0.2, 0.1])
        if mood == "nan":
            shares[:] = np.nan
        return {"label": np.zeros(rows, dtype=np.int64), "probabilities": shares}
    return predict

def slow(directory):
    time.sleep(0)
    inner = build(directory)
    def predict(inputs):
        time.sleep(0.006)
        return inner(inputs)
    return predict

def rule(record):
    return {"label": int(record["X"][0] > 0)}
'''
GOLDEN = {
    "inputs": [{"name": "X", "datatype": "FP32", "shape": [1, 4], "data": ROW}],
    "outputs": [
        {"name": "label", "datatype": "INT64", "shape": [1], "data": [0]},
        {"name": "probabilities", "datatype": "FP32", "shape": [1, 3], "data": [0.7, 0.2, 0.1]},
    ],
}


class World:
    """A store, an app beside it, and a switch for the model's mood."""

    def __init__(self, home: Path):
        self.home, self.store, self.switch = home, home / "store", home / "switch"
        (home / "app.py").write_text(APP)
        self.first = models.publish(self.store, seed=1)
        self.latest = models.publish(self.store, framework="python", files={"any": b"thing"}, golden=[GOLDEN])

    def serve(self, published=None, *, wait=True, **more):
        env = {"MODEL_BUILDER": "app:build", "SWITCH": str(self.switch), "MODEL_RETRY_SECONDS": "1"} | more
        return Serving(environment(self.store, published or self.latest, **env), self.home, wait=wait)

    def refused(self, published=None, **more):
        """The exit code and the line of a process that does not start."""
        serving = self.serve(published, wait=False, **more)
        code = serving.process.wait(30)
        return code, serving.stderr.strip()


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def ask(serving, path="/predict"):
    status, said, headers = serving.post(path, {"X": ROW})
    meta = said["_meta"]
    assert (status, str(meta["fallback"])) == (200, headers["x-twelve-fallback"])
    return meta["version"], meta["fallback"], meta.get("fallback_reason")


CHAIN = '1,rules:app:rule,default:{"label":null,"probabilities":null}'


def test_no_request_fails_while_the_primary_raises_on_all(world):
    with world.serve(MODEL_FALLBACK=CHAIN) as serving:
        assert ask(serving) == ("2", 0, None)
        world.switch.write_text("raise")
        with ThreadPoolExecutor(8) as threads:
            said = list(threads.map(lambda _: ask(serving), range(300)))
        assert {one[:2] for one in said} == {("1", 1)}
        assert {one[2] for one in said} == {"exception", "breaker_open"}
        lines = [event for event in serving.events("prediction") if event["fallback"] == 1]
        assert len(lines) == 300
        assert {(line["model_version"], line["model_sha256"]) for line in lines} == {("1", world.first.digest)}
        (change,) = serving.events("breaker")
        assert (change["from"], change["to"], change["failures"]) == ("closed", "open", 5)


def test_a_pinned_version_does_not_fall_back(world):
    world.switch.write_text("well")
    with world.serve(MODEL_FALLBACK=CHAIN) as serving:
        world.switch.write_text("raise")
        body = {"inputs": [{"name": "X", "shape": [1, 4], "datatype": "FP32", "data": ROW}]}
        status, said, _ = serving.post("/v2/models/digits/versions/2/infer", body)
        assert (status, list(said)) == (500, ["error"])
        assert serving.post("/v2/models/digits/versions/1/infer", body)[0] == 200


def test_nan_is_a_failure_and_the_breaker_closes_when_the_model_is_well_again(world):
    with world.serve(MODEL_FALLBACK="rules:app:rule", MODEL_BREAKER="2/0.3s") as serving:
        world.switch.write_text("nan")
        assert [ask(serving)[2] for _ in range(3)] == ["invalid_output"] * 2 + ["breaker_open"]
        world.switch.write_text("well")
        until(lambda: ask(serving) == ("2", 0, None))
        assert [event["to"] for event in serving.events("breaker")][-2:] == ["half-open", "closed"]


def test_rules_and_defaults_answer_with_what_they_have(world):
    world.switch.write_text("well")
    with world.serve(MODEL_FALLBACK='rules:app:rule,default:{"label":null}') as serving:
        world.switch.write_text("raise")
        status, said, _ = serving.post("/predict", {"records": [{"X": ROW}, {"X": [-1, 0, 0, 0]}]})
        assert (status, said["records"]) == (200, [{"label": 1}, {"label": 0}])
        body = {"inputs": [{"name": "X", "shape": [1, 4], "datatype": "FP32", "data": ROW}]}
        said = serving.post("/v2/models/digits/infer", body)[1]
        assert said["outputs"] == [{"name": "label", "shape": [1], "datatype": "INT64", "data": [1]}]
        assert said["model_version"] == "rules:app:rule"


def test_without_a_fallback_failure_is_a_500_or_504_and_the_process_stays(world):
    world.switch.write_text("well")
    with world.serve(MODEL_BUILDER="app:slow", MODEL_TIMEOUT_MS="100") as serving:
        world.switch.write_text("raise")
        assert serving.post("/predict", {"X": ROW})[0] == 500
        world.switch.write_text("sleep 0.4")
        status, said, _ = serving.post("/invocations", {"instances": [ROW]})
        assert (status, said["error_code"]) == (504, "DEADLINE_EXCEEDED") or status == 504
        assert serving.events("prediction")[-1]["error_type"] == "timeout"
        world.switch.write_text("well")
        until(lambda: serving.post("/predict", {"X": ROW})[0] == 200)


def test_slow_models_have_a_deadline_and_a_full_pool_falls_back_at_once(world):
    chain = {"MODEL_FALLBACK": "1", "MODEL_TIMEOUT_MS": "300", "MODEL_BREAKER": "1000/30s"}
    with world.serve(MODEL_BUILDER="app:slow", **chain) as serving:
        assert ask(serving) == ("2", 0, None)
        world.switch.write_text("sleep 2")
        began = time.monotonic()
        assert ask(serving) == ("1", 1, "timeout")
        assert 0.25 < time.monotonic() - began < 1.5
        with ThreadPoolExecutor(12) as threads:
            said = list(threads.map(lambda _: ask(serving)[2], range(12)))
        assert set(said) == {"timeout", "saturated"}


@pytest.mark.parametrize("place", ["blob", "manifest", "signature"])
def test_a_flipped_byte_is_refused_or_stood_in_for(world, place):
    private, public = signing.keypair()
    keys = {"MODEL_PUBLIC_KEY": public} if place == "signature" else {}
    published = models.publish(world.store, seed=0, signing_key=private)
    found = {
        "blob": lambda: next(
            path for path in (world.store / "blobs" / "sha256").iterdir() if path.read_bytes() == models.linear(0)
        ),
        "manifest": lambda: world.store / "models" / "digits" / published.version / "manifest.json",
        "signature": lambda: next((world.store / "sigs" / published.digest.removeprefix("sha256:")).iterdir()),
    }[place]()
    raw = bytearray(found.read_bytes())
    raw[len(raw) // 2] ^= 1
    found.chmod(0o644)
    found.write_bytes(raw)
    code, said = world.refused(published, **keys)
    assert (code, said.count("\n")) == (1, 0)
    assert said.startswith("twelve-serve: ")
    stand_in = 'default:{"label":null}' if keys else "1"  # the older version is not signed
    with world.serve(published, MODEL_FALLBACK=stand_in, **keys) as serving:
        assert serving.get("/v2/health/ready")[1] == {"live": True, "ready": True, "degraded": True}
        assert serving.get("/v2/models/digits/ready")[0] == 503
        assert ask(serving) == (stand_in.partition(":")[0], 1, "not_loaded")
        assert serving.events("model_degraded")[0]["reason"]


def test_a_new_release_does_not_begin_with_its_fallback(world):
    (blob,) = (path for path in (world.store / "blobs" / "sha256").iterdir() if path.read_bytes() == b"thing")
    blob.unlink()
    code, said = world.refused(MODEL_FALLBACK="1", TWELVE_NEW_RELEASE="1")
    assert (code, "MODEL_START_DEGRADED=1" in said) == (1, True)
    assert world.latest.digest.removeprefix("sha256:") in said or "is not in" in said
    with world.serve(MODEL_FALLBACK="1", TWELVE_NEW_RELEASE="1", MODEL_START_DEGRADED="1") as serving:
        assert ask(serving) == ("1", 1, "not_loaded")


def test_the_primary_comes_back_by_itself(world):
    (blob,) = (path for path in (world.store / "blobs" / "sha256").iterdir() if path.read_bytes() == b"thing")
    hidden = blob.with_suffix(".hidden")
    blob.rename(hidden)
    with world.serve(MODEL_FALLBACK="1") as serving:
        assert ask(serving) == ("1", 1, "not_loaded")
        hidden.rename(blob)
        until(lambda: ask(serving) == ("2", 0, None))
        assert serving.get("/v2/health/ready")[1]["degraded"] is False
        assert serving.events("model_recovered")


def test_a_store_that_is_gone_leaves_the_default(world):
    shutil.rmtree(world.store)
    with world.serve(MODEL_FALLBACK='default:{"label":null}') as serving:
        assert serving.post("/predict", {"X": ROW})[1]["label"] is None
        assert serving.post("/predict", {"records": [{"X": 1}, {"X": 2}]})[1]["records"] == [{"label": None}] * 2
        body = {"inputs": [{"name": "X", "shape": [1, 4], "datatype": "FP32", "data": ROW}]}
        assert serving.post("/v2/models/digits/infer", body)[1]["outputs"][0]["data"] == [None]


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"MODEL_VERSION": "latest"}, 78, "resolved when a model is promoted"),
        ({"MODEL_VERSION": ""}, 78, "MODEL_VERSION is missing"),
        ({"MODEL_PUBLIC_KEY": "short"}, 78, "MODEL_PUBLIC_KEY"),
        pytest.param({"MODEL_PUBLIC_KEY": signing.keypair()[1]}, 1, "not signed", id="not signed"),
        ({"MODEL_VERSION": "9"}, 1, "is not in"),
        ({"MODEL_SHA256": "sha256:" + "0" * 64}, 1, "the release pins"),
        ({"MODEL_STORE_URL": "file:///nowhere/at/all"}, 1, "not a directory"),
        ({"MODEL_BUILDER": ""}, 1, "MODEL_BUILDER=module:callable"),
        ({"MODEL_BUILDER": "app:missing"}, 1, "cannot be imported"),
    ],
    ids=str,
)
def test_what_cannot_be_served_ends_with_one_line(world, change, code, said):
    found, line = world.refused(**change)
    assert (found, line.count("\n")) == (code, 0)
    assert said in line


def test_a_model_that_answers_otherwise_than_it_promised_is_rejected(world):
    wrong = models.golden(0)
    wrong["outputs"][1]["data"] = [0.1, 0.2, 0.7]
    code, line = world.refused(models.publish(world.store, golden=[wrong]))
    assert (code, "golden example 1" in line) == (1, True)


def test_a_signed_model_is_served_and_a_skops_or_pickle_only_when_allowed(world, tmp_path):
    private, public = signing.keypair()
    signed = models.publish(world.store, seed=0, signing_key=private)
    with world.serve(signed, MODEL_PUBLIC_KEY=public) as serving:
        assert ask(serving) == (signed.version, 0, None)


def test_sigterm_lets_requests_finish(world):
    with world.serve(MODEL_BUILDER="app:slow", MODEL_TIMEOUT_MS="5000") as serving:
        world.switch.write_text("sleep 0.8")
        answers = []
        asking = threading.Thread(target=lambda: answers.append(ask(serving)))
        asking.start()
        time.sleep(0.3)
        serving.process.send_signal(signal.SIGTERM)
        asking.join()
        assert serving.process.wait(20) == 0
        assert answers == [("2", 0, None)]
        assert len(serving.events("prediction")) == 1
