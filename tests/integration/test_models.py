"""Models as releases, on a real platform with a real S3 store and a real app in no particular language."""

import json
import os
import signal
import urllib.error
import urllib.request

import pytest
from twelve_runtime.artifacts.store import Store

from tests.support.live import FIXTURES, wait_for

pytestmark = pytest.mark.integration

X = {"name": "X", "datatype": "FP32", "shape": [-1, 2]}
LABEL = {"name": "label", "datatype": "INT64", "shape": [-1]}
ABOUT = {
    "framework": "onnx",
    "signature": {"inputs": [X], "outputs": [LABEL]},
    "golden": [
        {
            "inputs": [{"name": "X", "datatype": "FP32", "shape": [1, 2], "data": [0.5, 1]}],
            "outputs": [{"name": "label", "datatype": "INT64", "shape": [1], "data": [7]}],
        }
    ],
    "metrics": {"accuracy": 0.9},
}
APP = "modelled"


def model(directory, content, **changes):
    directory.mkdir()
    (directory / "model.onnx").write_text(content)
    (directory / "model.json").write_text(json.dumps(ABOUT | changes))
    return directory


@pytest.fixture(scope="module")
def app(live, tmp_path_factory):
    """An app with a store, three versions of a model, and a fourth that takes other inputs."""
    base = tmp_path_factory.mktemp("models")
    live.up(FIXTURES / "envdump", APP)
    live.cli("services", "add", "s3", "--as", "MODEL_STORE", "--app", APP)
    (base / "data").mkdir()
    (base / "data" / "rows.csv").write_text("a,b\n1,2\n3,4\n")
    live.cli("datasets", "push", "numbers", str(base / "data"), "--app", APP)
    for number in (1, 2, 3):
        live.cli(
            "models",
            "push",
            "digits",
            str(model(base / str(number), f"weights {number}")),
            "--data",
            "numbers",
            "--app",
            APP,
        )
    other = {"signature": {"inputs": [X | {"name": "Y"}], "outputs": [LABEL]}, "golden": [
        {"inputs": [ABOUT["golden"][0]["inputs"][0] | {"name": "Y"}], "outputs": ABOUT["golden"][0]["outputs"]}]}  # fmt: skip
    live.cli("models", "push", "digits", str(model(base / "4", "weights 4", **other)), "--app", APP)
    return APP


def served(live, key):
    answer = live.get(APP, f"/{key}")
    return answer.body if answer.status == 200 else None


def shown(live, version):
    return live.json("models", "show", f"digits@{version}", "--app", APP)


def patch(live, **values):
    """Any client of the API."""
    token = (live.home / "token").read_text().strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{live.api_port}/apps/{APP}/config-vars",
        data=json.dumps(values).encode(),
        method="PATCH",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_change_of_the_version_is_a_release_that_pins_the_digest(app, live):
    status, config = patch(
        live, MODEL_NAME="digits", MODEL_VERSION="1", MODEL_FALLBACK='rules:app.rules:predict,default:{"label":null}'
    )
    assert status == 200
    digest = shown(live, 1)["digest"]
    assert config["MODEL_SHA256"] == digest == served(live, "MODEL_SHA256")
    assert json.loads(served(live, "MODEL_PINS")) == {"1": digest}
    live.cli("config", "set", "MODEL_VERSION=2", "MODEL_FALLBACK=1", "--app", APP)
    assert json.loads(served(live, "MODEL_PINS")) == {"1": digest, "2": shown(live, 2)["digest"]}
    assert "digits@2" in live.cli("releases", "--app", APP).stdout


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"MODEL_VERSION": "99"}, "digits@99 is not in"),
        ({"MODEL_VERSION": "2", "MODEL_FALLBACK": "4"}, "digits@4 cannot stand in for digits@2: it takes other inputs"),
        ({"MODEL_VERSION": "3", "MODEL_PUBLIC_KEY": "A" * 43 + "="}, "is not signed"),
    ],
)
def test_what_is_not_good_is_refused_and_the_old_release_serves_on(app, live, values, said):
    patch(live, MODEL_NAME="digits", MODEL_VERSION="2", MODEL_FALLBACK="1")
    before = live.api(f"/apps/{APP}/releases/current")["version"]
    status, answer = patch(live, **values)
    assert (status, said in f"{answer['message']} {answer.get('hint')}") == (422, True), answer
    assert live.api(f"/apps/{APP}/releases/current")["version"] == before
    assert served(live, "MODEL_VERSION") == "2"


def test_a_rollback_brings_back_code_and_model_together(app, live, tmp_path):
    live.cli("models", "promote", "digits@1", "--app", APP)
    old, pins = live.api(f"/apps/{APP}/releases/current"), served(live, "MODEL_PINS")
    code = tmp_path / "new"
    code.mkdir()
    (code / "Procfile").write_text("web: python3 web.py\n")
    (code / "web.py").write_text((FIXTURES / "envdump" / "web.py").read_text() + "\n# newer\n")
    live.up(code, APP)
    live.cli("models", "promote", "digits@3", "--app", APP)
    assert served(live, "MODEL_VERSION") == "3"
    live.cli("models", "remove", "digits@1", "--app", APP)  # the release that pinned it keeps it
    live.cli("rollback", f"v{old['version']}", "--app", APP)
    current = live.api(f"/apps/{APP}/releases/current")
    assert (served(live, "MODEL_SHA256"), served(live, "MODEL_PINS")) == (old["model"]["digest"], pins)
    assert (current["slug"], current["model"]) == (old["slug"], old["model"])
    assert patch(live, MODEL_VERSION="1", MODEL_FALLBACK="2")[0] == 422  # nobody gets it anew
    assert patch(live, MODEL_VERSION="2", MODEL_FALLBACK=None)[0] == 200


def test_an_alias_is_resolved_when_it_is_promoted(app, live):
    live.cli("models", "alias", "set", "digits", "champion", "2", "--app", APP)
    live.cli("models", "promote", "digits@champion", "--app", APP)
    assert (served(live, "MODEL_VERSION"), served(live, "MODEL_SHA256")) == ("2", shown(live, 2)["digest"])
    live.cli("models", "alias", "set", "digits", "champion", "3", "--app", APP)
    assert served(live, "MODEL_VERSION") == "2"
    assert shown(live, 3)["aliases"] == ["champion"]
    history = live.json("models", "alias", "history", "--app", APP)
    assert [one["version"] for one in history] == ["2", "3"]


def test_lineage_leads_from_the_data_to_the_releases(app, live):
    live.cli("models", "promote", "digits@2", "--app", APP)
    tree = live.json("datasets", "list", "--app", APP)[0]["tree"]
    found = shown(live, 2)
    assert found["data"] == {"uri": f"data/numbers/{tree}", "sha256": tree, "rows": 2}
    current = live.api(f"/apps/{APP}/releases/current")
    assert current["version"] in found["releases"]
    assert current["model"]["data"] == tree
    assert f"data/numbers/{tree}, 2 rows" in live.cli("models", "show", "digits@2", "--app", APP).stdout


def test_other_changes_need_no_store(app, live):
    """While config asks for the same model, its pins stay: the store may be away."""
    live.cli("models", "promote", "digits@2", "--app", APP)
    live.cli("config", "set", "COLOUR=blue", "--app", APP)
    assert served(live, "MODEL_SHA256") == shown(live, 2)["digest"]


def test_a_process_is_told_that_its_release_is_new_at_its_first_start_only(app, live):
    """Started again for whatever reason, the release is not on its way in any more: it is all there is."""
    live.cli("config", "set", "COLOUR=green", "--app", APP)
    assert served(live, "TWELVE_NEW_RELEASE") == "1"
    (first,) = live.processes(APP)
    os.kill(first["pid"], signal.SIGKILL)
    wait_for(lambda: live.processes(APP)[0]["state"] == "up" and live.processes(APP)[0]["pid"] != first["pid"], "it")
    assert served(live, "TWELVE_NEW_RELEASE") is None
    live.cli("restart", "--app", APP)
    assert served(live, "TWELVE_NEW_RELEASE") is None
    live.cli("rollback", "--app", APP)
    assert served(live, "TWELVE_NEW_RELEASE") is None


def test_pull_verify_and_gc(app, live, tmp_path):
    target = tmp_path / "out"
    live.cli("models", "pull", "digits@2", str(target), "--app", APP)
    assert (target / "model.onnx").read_text() == "weights 2"
    assert "whole" in live.cli("models", "verify", "digits@2", "--app", APP).stdout
    assert live.json("models", "gc", "--app", APP)["swept"] == []


def test_what_programs_read_is_json(app, live, tmp_path):
    digest = shown(live, 3)["digest"]
    named = {"name": "digits", "version": "3", "digest": digest}
    assert live.json("models", "verify", "digits@3", "--app", APP) == named | {"size": 9, "signed_by": ""}
    out = str(tmp_path / "out")
    pulled = live.json("models", "pull", "digits@3", out, "--app", APP)
    assert pulled == named | {"directory": out, "files": ["model.onnx"]}
    made = live.json("models", "alias", "set", "digits", "lately", "3", "--app", APP)
    assert (made["name"], made["alias"], made["version"], made["digest"]) == ("digits", "lately", "3", digest)
    assert live.json("models", "alias", "remove", "digits", "lately", "--app", APP)["alias"] == "lately"
    rows = live.json("datasets", "pull", "numbers", str(tmp_path / "rows"), "--app", APP)
    assert (rows["name"], rows["rows"], rows["directory"]) == ("numbers", 2, str(tmp_path / "rows"))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("models show digits@99", 3, "digits@99 is not in"),
        ("models verify digits@99", 3, "`twelve models list` shows"),
        ("models list nothing", 3, "There is no model nothing in"),
        ("models push digits {empty}", 33, "empty holds no files.\n"),
        ("models keypair {empty}/none/key", 2, "none/key cannot be written: No such file or directory."),
        ("datasets list nothing", 3, "There is no dataset nothing in"),
        ("datasets push numbers {empty}", 33, "empty holds no files.\n"),
        ("datasets pull numbers@00000000 {empty}/out", 3, "`twelve datasets list` shows"),
        ("datasets pull numbers@{tree} {empty}/out", 3, "numbers@abababababab is not in"),
        ("datasets diff numbers {empty}/none", 2, 'empty/none" is neither a path here nor NAME[@TREE].'),
    ],
)
def test_what_does_not_fit_is_one_sentence_with_its_exit_code(app, live, tmp_path, words, code, said):
    (tmp_path / "empty").mkdir()
    given = [word.format(empty=tmp_path / "empty", tree="ab" * 32) for word in words.split()]
    app_option = [] if "keypair" in given else ["--app", APP]
    done = live.cli(*given, *app_option, ok=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done
    assert said in done.stderr


def test_a_file_that_the_store_has_lost_is_no_wrong_name(app, live):
    """Of a version that exists: the exit code of a model that is not whole."""
    (path,) = {one["sha256"] for one in shown(live, 3)["files"]}
    config = live.api(f"/apps/{APP}/config-vars")
    store = Store.open(config["MODEL_STORE_URL"], config)
    blob = f"blobs/sha256/{path}"
    kept = store.get(blob, 100)
    store.delete(blob)
    try:
        done = live.cli("models", "verify", "digits@3", "--app", APP, ok=False)
    finally:
        store.put(blob, kept)
    assert (done.returncode, "The store has lost it" in done.stderr) == (33, True)


def test_a_store_that_is_away_is_one_sentence_without_its_secret(live):
    live.cli("apps", "create", "storeless")
    live.cli("services", "attach", "MODEL_STORE_URL=s3://key:geheim@127.0.0.1:1/bucket", "--app", "storeless")
    done = live.cli("models", "list", "--app", "storeless", ok=False)
    assert (done.returncode, done.stdout) == (41, "")
    assert "nobody answers there" in done.stderr
    assert "geheim" not in done.stderr
