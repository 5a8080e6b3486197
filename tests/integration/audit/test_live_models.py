"""The live audit of apps that serve a model: one that keeps the AI items, and one that breaks each that is watched."""

import hashlib
import json
import shutil
import struct
from contextlib import contextmanager
from importlib import metadata
from textwrap import dedent

import pytest

from tests.support.live import ROOT
from twelve.audit.model import Verdict
from twelve.audit.probes import models, services
from twelve.audit.probes.models import same
from twelve.audit.probes.rehearsal import prepare
from twelve.audit.probes.run import all_probes
from twelve.audit.probes.trial import trial

WATCHED = [probe for probe in all_probes() if probe.item.startswith("AI")]
# Serves in the Open Inference Protocol: the model of a version is a file with a factor, and the fallback 0.
SERVER = """
import hashlib, http.server, json, os, random, struct, sys, time

version = os.environ["MODEL_VERSION"]
digests = json.load(open("digests.json"))
def content(version):
    return open(f"{version}.onnx", "rb").read() if version in digests else b""
LOADING
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        VISITED
        if self.path != "/v2/models/m":
            return self.send_error(404)
        self.answer({"name": "m", "versions": VERSIONS, "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]})
    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        values = PREDICTED
        TOLD
        self.answer({"model_version": SAID, "outputs": [{"name": "y", "data": values}], "parameters": MARK})
    def answer(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
http.server.HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
LINE = 'print(json.dumps({"event": "prediction", "model_version": version, "latency_ms": 1}), flush=True)'
GOOD = {
    "LOADING": """raw = content(version)
whole = hashlib.sha256(raw).hexdigest() == digests.get(version)
factor = struct.unpack("d", raw)[0] if whole else None
""",
    "VISITED": "pass",
    "VERSIONS": "list(digests)",
    "PREDICTED": '[(factor or 0) * one for one in sent["inputs"][0]["data"]]',
    "TOLD": LINE,
    "SAID": "version",
    "MARK": '{"fallback": factor is None}',
}
BAD = GOOD | {
    "LOADING": 'factor = struct.unpack("d", content("1"))[0]',
    "VERSIONS": "list(digests)",
    "PREDICTED": '[random.random() for one in sent["inputs"][0]["data"]]',
    "TOLD": "pass",
    "SAID": '"1"',
    "MARK": "{}",
}


def codebase(root, parts):
    text = dedent(SERVER)
    for name, part in parts.items():
        text = text.replace(name, part)
    (root / "web.py").write_text(text)
    (root / "Procfile").write_text("web: python3 web.py\n")
    models = {"1": struct.pack("d", 2.0), "2": struct.pack("d", 3.0)}
    for version, content in models.items():
        (root / f"{version}.onnx").write_bytes(content)
    digests = {version: hashlib.sha256(content).hexdigest() for version, content in models.items()}
    (root / "digests.json").write_text(json.dumps(digests))
    app_json(root, "echo prepared", {"web": {"quantity": 0}})
    (root / ".env.example").write_text("MODEL_NAME=m\nMODEL_VERSION=1\n")
    return root


def app_json(root, setup, formation):
    tests = {"scripts": {"test-setup": setup}}
    (root / "app.json").write_text(json.dumps({"formation": formation, "environments": {"test": tests}}))


@contextmanager
def deployed(root):
    with trial(root) as tried:
        tried.deploy()
        assert tried.failure == ""
        assert tried.web() == []
        prepare(tried, lambda _text: None)
        assert (tried.unserved, len(tried.web())) == ("", 1)
        yield tried


def seen(tried):
    return {probe.id: probe.observe(tried) for probe in WATCHED}


@pytest.mark.integration
def test_a_model_that_is_served_well_and_one_that_cannot_be_asked(tmp_path):
    with deployed(codebase(tmp_path, GOOD)) as tried:
        found = seen(tried)
        assert {id_: one.text for id_, one in found.items() if one.verdict is not Verdict.PASS} == {}
        assert "2 answered instead of 1" in found["AI04-live-version-switch"].text
        assert "2 files of models, in the release" in found["AI02-live-tamper"].text
        assert "a fallback that says so" in found["AI02-live-tamper"].text
        tried.given["MODEL_NAME"] = "another"
        found = seen(tried)
        assert {one.verdict for one in found.values()} == {Verdict.UNKNOWN}
        assert all("Open Inference Protocol" in one.text for one in found.values())
        app_json(tmp_path, "echo no data; exit 3", {})
        prepare(tried, lambda _text: None)
        assert "exited with 3: no data" in tried.unserved


@pytest.mark.integration
def test_a_model_that_is_served_badly(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "SOON", 1.0)
    with deployed(codebase(tmp_path, BAD)) as tried:
        found = seen(tried)
    assert {id_ for id_, one in found.items() if one.verdict in {Verdict.FAIL, Verdict.PARTIAL}} == set(found)


@pytest.mark.integration
def test_a_model_that_has_to_be_trained_and_is_not(tmp_path):
    """Its store is the trial's and empty; whatever stands in the way is the reason of every probe."""
    root = codebase(tmp_path, GOOD)
    (root / ".env.example").write_text("MODEL_STORE_URL=\nMODEL_NAME=m\nMODEL_VERSION=1\n")
    (root / "Procfile").write_text("web: echo no model; exit 1\ntrain: echo no rows; exit 3\n")
    app_json(root, "echo prepared", {"web": {"quantity": 1}})
    with trial(root) as tried:
        tried.deploy()
        prepare(tried, lambda _text: None)
        assert tried.failure == ""
        assert "The training exited with status 3. Its last line: no rows" in tried.unserved
        assert all("no rows" in one.text and "test-setup" in one.text for one in seen(tried).values())


# Takes its model from the store and checks it; goes to the mail server and the broker whenever it is asked for a page,
# unless it is LOYAL: then to those that it knew first.
STORED = GOOD | {
    "LOADING": """import smtplib, socket
from urllib.parse import urlsplit
from twelve_runtime.artifacts import layout, models
from twelve_runtime.artifacts.errors import ArtifactError
from twelve_runtime.artifacts.store import Store

factor = None
try:
    store = Store.open(os.environ["MODEL_STORE_URL"])
    found = models.resolve(store, version, "m")
    models.verify(store, found)
    factor = struct.unpack("d", store.get(layout.blob(found.manifest.files[0].sha256)))[0]
except ArtifactError as error:
    print(error, flush=True)
def visit():
    url = urlsplit(os.environ["NATS_URL"])
    if "LOYAL" not in os.environ or "second" not in url.username:
        socket.create_connection((url.hostname, url.port), 2).close()
    smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"]), timeout=2).quit()
""",
    "VISITED": "visit()",
    "VERSIONS": "[version]",
}
TRAIN = """
import os, struct
from twelve_runtime.artifacts import models
from twelve_runtime.artifacts.models import Draft
from twelve_runtime.artifacts.store import Store

side = {"name": "x", "datatype": "FP32", "shape": [-1, 3]}
golden = [{key: [{**side, "shape": [1, 3], "data": [1, 1, 1]}] for key in ("inputs", "outputs")}]
lineage = {"app": os.environ["HEROKU_APP_NAME"], "process": os.environ["DYNO"]}
draft = Draft("m", "python", {"inputs": [side], "outputs": [side]}, golden, lineage=lineage)
print(models.publish(Store.open(os.environ["MODEL_STORE_URL"]), draft, {"m": struct.pack("d", 2.0)}))
"""
NEEDED = ("obstore", "cryptography", "cffi", "pycparser")


@pytest.mark.integration
def test_a_model_is_trained_into_a_bucket_and_every_kind_of_service_is_exchanged(tmp_path, monkeypatch):
    root = codebase(tmp_path, STORED)
    shutil.copytree(ROOT / "runtime" / "src" / "twelve_runtime", root / "twelve_runtime")
    (root / "train.py").write_text(TRAIN)
    (root / "requirements.txt").write_text("".join(f"{name}=={metadata.version(name)}\n" for name in NEEDED))
    (root / "Procfile").write_text("web: python web.py\ntrain: python train.py\ngate: echo it may serve\n")
    (root / ".env.example").write_text("MODEL_STORE_URL=\nMODEL_NAME=m\nMODEL_VERSION=\nSMTP_URL=\nNATS_URL=\n")
    with deployed(root) as tried:
        assert tried.release.config["MODEL_VERSION"] == "1"
        asked = {probe.id: probe for probe in all_probes()}
        tampered = asked["AI02-live-tamper"].observe(tried)
        assert (tampered.verdict, "m of m@1, in the store," in tampered.text) == (Verdict.PASS, True), tampered
        swap, down = (asked[id_].observe(tried) for id_ in ("TF04-live-swap", "TF04-live-down"))
        for seen in (swap, down):
            assert seen.verdict is Verdict.PASS, seen
            assert all(kind in seen.text for kind in ("s3", "smtp", "nats")), seen
            assert "Not tried" not in seen.text
        monkeypatch.setattr(services, "SOON", 1.0)
        tried.configure({"LOYAL": "1"})
        loyal = asked["TF04-live-swap"].observe(tried)
        assert (loyal.verdict, "URL of another nats, and" in loyal.text) == (Verdict.FAIL, True), loyal


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ([1.0, 2], [1.0000001, 2], True),
        ([1.0], [1.1], False),
        ([1], [1, 1], False),
        ({"a": ["x"]}, {"a": ["x"]}, True),
        ({"a": 1}, {"b": 1}, False),
        (None, None, True),
        (1, "1", False),
    ],
)
def test_answers_are_alike_but_for_what_floating_point_does(one, other, alike):
    assert same(one, other) is alike
