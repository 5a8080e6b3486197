"""Several workers of one process: they share the model, are replaced when they die, and leave together."""

import http.client
import json
import os
import signal
import statistics
import time
from pathlib import Path

import pytest

from tests.support import models
from tests.support.models import ROW, Serving, environment, until

pytestmark = pytest.mark.integration


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


def workers(serving):
    pid = serving.process.pid
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def serve(store, published, count=2, **more):
    serving = Serving(environment(store, published, WEB_CONCURRENCY=str(count), MODEL_RETRY_SECONDS="1", **more))
    until(lambda: len(workers(serving)) == count)
    return serving


def private(pid):
    """Memory of this process alone, in MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty"))) / 1024


def test_workers_share_the_model_and_have_no_stall(store):
    with serve(store, models.publish(store)) as serving:
        connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=10)
        took = []
        for _ in range(60):
            began = time.perf_counter()
            connection.request("POST", "/predict", json.dumps({"X": ROW}), {"content-type": "application/json"})
            assert connection.getresponse().read()
            took.append(time.perf_counter() - began)
        connection.close()
        assert statistics.median(took) < 0.02  # 0.044 with Nagle's delay
        assert max(map(private, workers(serving))) < 25
        assert sum(event["step"] == "load" for event in serving.events("model_boot")) == 1
        assert serving.stop() == 0


def test_a_worker_that_is_killed_is_replaced_and_nobody_notices(store):
    with serve(store, models.publish(store)) as serving:
        victim = min(workers(serving))
        os.kill(victim, signal.SIGKILL)
        for _ in range(50):
            assert serving.post("/predict", {"X": ROW})[0] == 200
        until(lambda: victim not in workers(serving) and len(workers(serving)) == 2)
        (event,) = serving.events("worker_died")
        assert (event["pid"], event["exit_code"]) == (victim, -signal.SIGKILL)


def test_workers_do_not_outlive_their_parent(store):
    serving = serve(store, models.publish(store))
    left = workers(serving)
    serving.process.kill()
    serving.process.wait()
    until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in left))


def test_a_primary_that_comes_back_comes_with_new_workers(store):
    models.publish(store, seed=1)
    latest = models.publish(store, seed=0)
    (blob,) = (path for path in (store / "blobs" / "sha256").iterdir() if path.read_bytes() == models.linear(0))
    hidden = blob.with_suffix(".hidden")
    blob.rename(hidden)
    with serve(store, latest, MODEL_FALLBACK="1") as serving:
        old = workers(serving)
        assert serving.post("/predict", {"X": ROW})[1]["_meta"]["fallback"] == 1
        hidden.rename(blob)
        until(lambda: not old & workers(serving))
        assert serving.post("/predict", {"X": ROW})[1]["_meta"]["fallback"] == 0
        assert serving.stop() == 0
