"""One running process, spoken to in every language it knows, and told nonsense in each of them."""

import asyncio
import http.client
import json

import numpy as np
import pytest
from tritonclient import http as triton
from tritonclient.http import aio as triton_aio

from tests.support import models
from tests.support.models import ROW, Serving, environment

pytestmark = pytest.mark.integration

INFER = "/v2/models/digits/infer"
TENSOR = {"name": "X", "shape": [1, 4], "datatype": "FP32", "data": ROW}
BINARY = {"name": "X", "shape": [1, 4], "datatype": "FP32", "parameters": {"binary_data_size": 16}}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    store = tmp_path_factory.mktemp("serving") / "store"
    models.publish(store, seed=1)
    return store, models.publish(store, seed=0)


@pytest.fixture(scope="module")
def serving(published):
    store, latest = published
    with Serving(environment(store, latest, MODEL_FALLBACK="1", MODEL_MAX_BATCH="64")) as found:
        yield found


@pytest.fixture
def client(serving):
    found = triton.InferenceServerClient(f"127.0.0.1:{serving.port}")
    yield found
    found.close()


def close(found, wanted):
    return np.allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_metadata_and_health(serving):
    assert serving.get("/v2")[1]["name"] == "twelve"
    assert serving.get("/v2/health/live")[1] == {"live": True}
    assert serving.get("/v2/health/ready")[1] == {"live": True, "ready": True, "degraded": False}
    model = serving.get("/v2/models/digits")[1]
    assert (model["versions"], model["platform"]) == (["2", "1"], "onnx_onnxv1")
    assert (model["inputs"], model["outputs"]) == (models.SIGNATURE["inputs"], models.SIGNATURE["outputs"])
    for path in ("/v2/models/digits/ready", "/v2/models/digits/versions/1/ready"):
        assert serving.get(path)[:2] == (200, {"name": "digits", "ready": True})
    assert [serving.get(path)[:2] for path in ("/ping", "/health")] == [(200, "\n")] * 2
    assert serving.get("/version")[0] == 200


def test_a_golden_example_of_the_manifest_gives_what_it_promises(serving):
    example = models.golden()
    status, said, headers = serving.post(INFER, {"id": "42", "inputs": example["inputs"]}, x_request_id="r-1")
    assert (status, said["id"], said["model_name"], said["model_version"]) == (200, "42", "digits", "2")
    for found, wanted in zip(said["outputs"], example["outputs"], strict=True):
        assert {name: found[name] for name in ("name", "datatype", "shape")} == {
            name: wanted[name] for name in ("name", "datatype", "shape")
        }
        assert close(found["data"], wanted["data"])
    assert said["parameters"]["fallback"] == 0
    assert headers["x-twelve-model"] == "digits@2"
    assert headers["x-twelve-model-digest"].startswith("sha256:")
    assert (headers["x-twelve-release"], headers["x-twelve-fallback"]) == ("v12", "0")
    assert (headers["x-request-id"], headers["x-twelve-prediction-id"]) == (
        "r-1",
        said["parameters"]["prediction_id"],
    )


def test_outputs_may_be_chosen_and_versions_pinned(serving):
    said = serving.post("/v2/models/digits/versions/1/infer", {"inputs": [TENSOR], "outputs": [{"name": "label"}]})[1]
    assert [output["name"] for output in said["outputs"]] == ["label"]
    assert (said["model_version"], said["id"]) == ("1", said["parameters"]["prediction_id"])
    assert said["outputs"][0]["data"] == models.expected([ROW], seed=1)[0].tolist()


def test_the_triton_client_works_as_it_comes(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("digits")
    assert client.get_server_metadata()["name"] == "twelve"
    assert client.get_model_metadata("digits")["inputs"][0]["name"] == "X"
    rows = np.array([ROW, [1, 2, 3, 4]], dtype=np.float32)
    given = triton.InferInput("X", [2, 4], "FP32")
    given.set_data_from_numpy(rows, binary_data=False)
    wanted = [triton.InferRequestedOutput(name, binary_data=False) for name in ("label", "probabilities")]
    label, shares = models.expected(rows)
    for outputs in (wanted, None):
        found = client.infer("digits", [given], outputs=outputs, request_id="7")
        assert found.get_response()["id"] == "7"
        assert found.as_numpy("label").tolist() == label.tolist()
        assert close(found.as_numpy("probabilities"), shares)


@pytest.mark.parametrize("outputs", [None, {"label": True, "probabilities": True}, {"probabilities": False}])
def test_its_binary_tensors_go_both_ways(client, outputs):
    """As it sends them when nothing is said, and asks for them."""
    rows = np.array([ROW, [1, 2, 3, 4]], dtype=np.float32)
    given = triton.InferInput("X", [2, 4], "FP32").set_data_from_numpy(rows)
    wanted = [triton.InferRequestedOutput(name, binary_data=raw) for name, raw in outputs.items()] if outputs else None
    found = client.infer("digits", [given], outputs=wanted)
    label, shares = models.expected(rows)
    assert close(found.as_numpy("probabilities"), shares)
    if outputs is None or "label" in outputs:
        assert found.as_numpy("label").tolist() == label.tolist()
    sent = {one["name"]: "data" not in one for one in found.get_response()["outputs"]}
    assert sent == (outputs or {"label": True, "probabilities": True})


def test_its_asynchronous_client_works_as_it_comes(serving):
    """It sends JSON as application/octet-stream."""

    async def infer(*, raw):
        async with triton_aio.InferenceServerClient(f"127.0.0.1:{serving.port}") as client:
            given = triton_aio.InferInput("X", [1, 4], "FP32")
            given.set_data_from_numpy(np.array([ROW], dtype=np.float32), binary_data=raw)
            return (await client.infer("digits", [given])).as_numpy("label").tolist()

    wanted = models.expected([ROW])[0].tolist()
    assert [asyncio.run(infer(raw=raw)) for raw in (False, True)] == [wanted, wanted]


def test_records(serving):
    label, shares = models.expected([ROW, [1, 2, 3, 4]])
    one = serving.post("/predict", {"X": ROW})[1]
    assert one["label"] == label[0]
    assert one["_meta"].keys() == {"model", "version", "release", "variant", "prediction_id", "fallback"}
    several = serving.post("/predict", {"records": [{"X": ROW}, {"X": [1, 2, 3, 4]}]})[1]
    assert [record["label"] for record in several["records"]] == label.tolist()
    assert close([record["probabilities"] for record in several["records"]], shares)


FRAMES = [
    {"dataframe_split": {"columns": ["a", "b", "c", "d"], "data": [ROW, ROW]}},
    {"dataframe_split": {"columns": ["X"], "data": [[ROW], [ROW]]}},
    {"dataframe_records": [{"a": ROW[0], "b": ROW[1], "c": ROW[2], "d": ROW[3]}] * 2},
    {"instances": [ROW, ROW]},
    {"instances": [{"X": ROW}, {"X": ROW}]},
    {"inputs": {"X": [ROW, ROW]}},
    {"inputs": [ROW, ROW], "params": {}},
]


@pytest.mark.parametrize("body", FRAMES, ids=lambda body: next(iter(body)))
def test_the_forms_of_mlflow(serving, body):
    status, said, _ = serving.post("/invocations", body)
    assert status == 200
    assert [row["label"] for row in said["predictions"]] == models.expected([ROW, ROW])[0].tolist()


def test_csv(serving):
    body = b"a,b,c,d\n" + ",".join(map(str, ROW)).encode() + b"\n"
    status, said, _ = serving.request("POST", "/invocations", body, content_type="text/csv; charset=utf-8")
    assert (status, len(said["predictions"])) == (200, 1)


BAD = [  # path, body, status, said
    (INFER, b"{", 400, "not JSON"),
    (INFER, b"[]", 400, "not a JSON object"),
    (INFER, b'{"inputs":[{"name":"X","shape":[1,4],"datatype":"FP32","data":[NaN,1,2,3]}]}', 400, "not JSON"),
    (INFER, b"[" * 100_000, 400, "not JSON"),
    (INFER, {}, 400, 'no "inputs"'),
    (INFER, {"inputs": [TENSOR | {"name": "Y"}]}, 400, "no input 'Y'"),
    (INFER, {"inputs": [TENSOR, TENSOR]}, 400, "twice"),
    (INFER, {"inputs": [TENSOR | {"shape": [1, 3]}]}, 400, "4 values"),
    (INFER, {"inputs": [TENSOR | {"shape": [4, 1]}]}, 400, "the model takes"),
    (INFER, {"inputs": [TENSOR | {"shape": [0, 4], "data": []}]}, 400, "no row"),
    (INFER, {"inputs": [TENSOR | {"shape": [-1, 4]}]}, 400, "list of whole numbers"),
    (INFER, {"inputs": [TENSOR | {"shape": [True, 4]}]}, 400, "list of whole numbers"),
    (INFER, {"inputs": [TENSOR | {"shape": [1] * 99 + [4]}]}, 400, "the model takes"),
    (INFER, {"inputs": [TENSOR | {"shape": [2**62, 0], "data": []}]}, 400, "the model takes"),
    (INFER, {"inputs": [TENSOR | {"parameters": {"binary_data_size": 16}}]}, 400, "both"),
    (INFER, {"inputs": [BINARY]}, 400, "only 0 are left"),
    (INFER, {"inputs": [TENSOR | {"parameters": []}]}, 400, "not an object"),
    (INFER, {"inputs": [TENSOR], "parameters": {"binary_data_output": 1}}, 400, "neither true nor false"),
    (
        INFER,
        {"inputs": [TENSOR], "outputs": [{"name": "label", "parameters": {"classification": 2}}]},
        400,
        "extension",
    ),
    (INFER, {"inputs": [TENSOR | {"datatype": "FP8"}]}, 400, "which the protocol lacks"),
    (INFER, {"inputs": [TENSOR | {"datatype": "BYTES"}]}, 400, "cannot be taken"),
    (INFER, {"inputs": [TENSOR | {"data": [1, 2, "3", 4]}]}, 400, "not strings"),
    (INFER, {"inputs": [TENSOR | {"data": [1, 2, 1e40, 4]}]}, 400, "not finite"),
    (INFER, {"inputs": [TENSOR], "outputs": [{"name": "score"}]}, 400, "no output 'score'"),
    (INFER, {"inputs": [TENSOR], "id": 42}, 400, "not a string"),
    (INFER, {"inputs": [TENSOR | {"shape": [65, 4], "data": ROW * 65}]}, 413, "65 rows"),
    ("/v2/models/cats/infer", {"inputs": [TENSOR]}, 404, "the model is digits"),
    ("/v2/models/digits/versions/9/infer", {"inputs": [TENSOR]}, 404, "not loaded here"),
    ("/nowhere", {}, 404, "nowhere"),
    ("/predict", {}, 400, 'no "X"'),
    ("/predict", {"X": 3}, 400, "the model takes"),
    ("/predict", {"records": []}, 400, "not a list of objects"),
    ("/predict", {"records": [{"X": ROW}, {"X": ROW[:3]}]}, 400, "ragged"),
]


@pytest.mark.parametrize(("path", "body", "status", "said"), BAD)
def test_nonsense_gets_the_protocol_s_error_object(serving, path, body, status, said):
    found, document, _ = serving.post(path, body)
    assert (found, list(document)) == (status, ["error"])
    assert said in document["error"]
    assert serving.process.poll() is None


@pytest.mark.parametrize(
    ("tensor", "declared", "tail", "said"),
    [
        (BINARY, 0, b"", "only 0 are left"),
        (BINARY, 0, bytes(17), "1 bytes behind"),
        (BINARY, 1000, bytes(16), "Inference-Header-Content-Length is"),
        (BINARY, -1000, bytes(16), "Inference-Header-Content-Length is"),
        (BINARY | {"parameters": {"binary_data_size": -1}}, 0, b"", "not a whole number"),
        (BINARY | {"parameters": {"binary_data_size": 2**62}}, 0, b"", "are left"),
        (BINARY | {"parameters": {"binary_data_size": 15}}, 0, bytes(15), "no whole number of FP32"),
        (BINARY | {"shape": [4, 1]}, 0, bytes(16), "the model takes"),
        (BINARY | {"shape": [2, 4]}, 0, bytes(16), "4 values"),
        (BINARY | {"datatype": "BOOL"}, 0, bytes(16), "cannot be taken"),
        (BINARY, 0, b"\0\0\xc0\x7f" * 4, "not finite"),
    ],
)
def test_nonsense_in_binary(serving, tensor, declared, tail, said):
    """`declared`: how far the length in the header is from the truth."""
    document = json.dumps({"inputs": [tensor]}).encode()
    headers = {"inference_header_content_length": str(len(document) + declared)}
    status, found, _ = serving.post(INFER, document + tail, **headers)
    assert (status, list(found)) == (400, ["error"])
    assert said in found["error"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"[]", "application/json", 400),
        (b'{"instances":[[1,2,3,4]],"inputs":[]}', "application/json", 400),
        (b'{"instances":7}', "application/json", 400),
        (b'{"instances":[]}', "application/json", 400),
        (b'{"dataframe_split":{"columns":["a"],"data":[[1,2]]}}', "application/json", 400),
        (b"a,b\n1,2\n", "text/csv", 400),
        (b"a,b,c,d\n1,2,nan,4\n", "text/csv", 400),
        (b"", "text/csv", 400),
        (b"{}", "application/json; charset=latin-1", 415),
        (b"PAR1", "application/vnd.apache.parquet", 415),
    ],
)
def test_nonsense_in_mlflow_s_words(serving, body, kind, status):
    found, document, _ = serving.request("POST", "/invocations", body, content_type=kind)
    assert (found, sorted(document)) == (status, ["error_code", "message"])


def test_forms_and_compressed_bodies_are_refused(serving):
    assert serving.post("/predict", b"X=1", content_type="application/x-www-form-urlencoded")[0] == 415
    assert serving.post("/predict", b"\x1f\x8b", content_encoding="gzip")[0] == 415


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("PUT", "/predict", "POST"), ("GET", INFER, "POST"), ("OPTIONS", INFER, "POST"), ("POST", "/v2", "GET, HEAD")],
)
def test_other_methods_are_told_which_one_is_meant(serving, method, path, allowed):
    status, document, headers = serving.request(method, path)
    assert (status, headers["allow"]) == (405, allowed)
    assert allowed in document["error"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_huge_body_is_refused_without_being_kept(serving, chunked):
    size = 12 * 1024 * 1024
    connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=30)
    pieces = (b" " * 65536 for _ in range(size // 65536))
    headers = {} if chunked else {"content-length": str(size)}
    connection.request("POST", INFER, pieces, headers, encode_chunked=chunked)
    answer = connection.getresponse()
    assert (answer.status, list(json.loads(answer.read()))) == (413, ["error"])
    connection.close()


def test_every_answer_leaves_one_line_and_so_does_every_refusal(serving):
    for call in ({"X": ROW}, {"X": [1]}):
        serving.post("/predict", call, x_request_id="line")
    good, bad = (event for event in serving.events("prediction") if event["request_id"] == "line")
    assert (good["status"], good["model_version"], good["rows"], good["fallback"]) == ("ok", "2", 1, 0)
    assert (good["app"], good["release"], good["process"]) == ("demo", "v12", "web.1")
    assert (good["input"], good["output"]["label"]) == ({"X": [ROW]}, models.expected([ROW])[0].tolist())
    assert close(good["confidence"], models.expected([ROW])[1].max(axis=1))
    assert (bad["status"], bad["error_type"]) == ("error", "bad_input")


def test_what_the_router_says_of_an_experiment_is_on_the_line(serving):
    router = {
        "x_twelve_experiment": "checkout.1", "x_twelve_variant": "b", "x_twelve_phase": "2",
        "x_twelve_unit_hash": "0" * 32, "x_twelve_shadow": "1", "x_request_id": "routed",
    }  # fmt: skip
    said, headers = serving.post("/predict", {"X": ROW}, **router)[1:]
    (line,) = (event for event in serving.events("prediction") if event["request_id"] == "routed")
    assert (line["experiment"], line["variant"], line["phase"], line["unit_hash"]) == ("checkout.1", "b", "2", "0" * 32)
    assert line["shadow"] is True
    assert (headers["x-twelve-variant"], said["_meta"]["variant"]) == ("b", "b")


def test_lines_stay_below_4096_bytes(serving):
    serving.post("/predict", {"records": [{"X": ROW}] * 60}, x_request_id="many")
    serving.post(INFER, {"inputs": [TENSOR | {"shape": [16, 4], "data": [0.1234567] * 64}]}, x_request_id="m" * 5000)
    many, long = serving.events("prediction")[-2:]
    assert (many["rows"], len(many["input"]["X"]), len(many["output"]["label"])) == (60, 1, 1)
    assert len(json.dumps(long)) < 4096
