"""Models over the API: what any client's change of config pins, aliases, promotion."""

import pytest
from twelve_runtime.artifacts import models
from twelve_runtime.artifacts.models import Draft
from twelve_runtime.artifacts.store import Store

from tests.unit.runtime.artifacts.conftest import GOLDEN, SIGNATURE

pytestmark = pytest.mark.integration


@pytest.fixture
def digests(api, app, tmp_path):
    """Of digits@1 to 3, in the app's store; 3 takes other inputs."""
    url = f"file://{tmp_path}"
    other = [one | {"name": "Y"} for one in SIGNATURE["inputs"]], [GOLDEN["inputs"][0] | {"name": "Y"}]
    made = []
    for number in (1, 2, 3):
        signature, golden = (
            (SIGNATURE, GOLDEN) if number < 3 else (SIGNATURE | {"inputs": other[0]}, GOLDEN | {"inputs": other[1]})
        )
        draft = Draft("digits", "onnx", signature, [golden], data={"sha256": "d" * 64})
        made.append(models.publish(Store.open(url), draft, {"m": f"{number}".encode()}).digest)
    api.patch(f"/apps/{app}/config-vars", {"MODEL_STORE_URL": url, "MODEL_NAME": "digits"})
    return made


def current(api, app):
    return api.get(f"/apps/{app}/releases/current")


def test_a_version_is_pinned_in_the_release(api, app, digests):
    config = api.patch(f"/apps/{app}/config-vars", {"MODEL_VERSION": "2", "MODEL_FALLBACK": "1"})
    assert config["MODEL_SHA256"] == digests[1]
    assert config["MODEL_PINS"] == f'{{"1":"{digests[0]}","2":"{digests[1]}"}}'
    assert current(api, app)["model"] == {
        "name": "digits", "version": "2", "digest": digests[1], "data": "d" * 64,
        "pins": {"1": digests[0], "2": digests[1]},
    }  # fmt: skip
    assert set(api.get("/_twelve/model-digests")) >= set(digests[:2])
    assert "MODEL_SHA256" not in api.patch(f"/apps/{app}/config-vars", {"MODEL_VERSION": None})
    assert current(api, app)["model"] is None


def test_a_digest_is_a_version_too(api, app, digests):
    api.patch(f"/apps/{app}/config-vars", {"MODEL_VERSION": digests[0]})
    model = current(api, app)["model"]
    assert (model["version"], model["pins"]) == ("1", {digests[0]: digests[0]})


@pytest.mark.parametrize(
    "values",
    [
        {"MODEL_VERSION": "9"},
        {"MODEL_VERSION": "champion"},
        {"MODEL_VERSION": "2", "MODEL_FALLBACK": "3"},  # takes other inputs
        {"MODEL_VERSION": "2", "MODEL_FALLBACK": "champion"},
        {"MODEL_VERSION": "2", "MODEL_PUBLIC_KEY": "not a key"},
        {"MODEL_VERSION": "2", "MODEL_STORE_URL": "ftp://x"},
        {"MODEL_SHA256": "x"},
        {"MODEL_PINS": None},
    ],
)
def test_what_is_not_good_changes_nothing(api, app, digests, values):
    before, config = current(api, app), api.get(f"/apps/{app}/config-vars")
    status = 503 if "MODEL_STORE_URL" in values else 422
    assert "\n" not in api.patch(f"/apps/{app}/config-vars", values, status)["message"]
    assert api.get(f"/apps/{app}/config-vars") == config
    assert current(api, app) == before


def test_a_version_whose_file_is_gone_or_cut_is_refused(api, app, digests, tmp_path):
    (blob,) = (path for path in (tmp_path / "blobs").rglob("*") if path.is_file() and path.read_bytes() == b"2")
    for change, said in ((lambda: blob.write_bytes(b"22"), "has 2 bytes, not 1"), (blob.unlink, "is not in")):
        change()
        assert said in api.patch(f"/apps/{app}/config-vars", {"MODEL_VERSION": "2"}, 422)["message"]


def test_aliases_have_a_history_and_are_resolved_when_they_are_promoted(api, app, digests):
    where = f"/apps/{app}/model-aliases"
    champion = {"name": "digits", "alias": "champion"}
    assert api.post(where, champion | {"version": "1"})["digest"] == digests[0]
    release = api.post(f"/apps/{app}/model-promotions", {"name": "digits", "version": "champion"})
    assert (release["model"]["version"], release["description"]) == ("1", "Promote digits@1 (digits@champion)")
    api.post(where, champion | {"version": "2"})
    api.post(where, {"name": "digits", "alias": "next", "version": "champion"})
    assert current(api, app)["model"]["version"] == "1"
    assert [(one["alias"], one["version"]) for one in api.get(where)] == [("champion", "2"), ("next", "2")]
    api.delete(f"{where}/digits/champion")
    history = api.get(f"{where}?history=true")
    assert [(one["alias"], one["version"]) for one in history] == [
        ("champion", "1"),
        ("champion", "2"),
        ("next", "2"),
        ("champion", None),
    ]
    api.post(f"/apps/{app}/model-promotions", {"name": "digits", "version": "champion"}, 404)
    api.delete(f"{where}/digits/champion", 404)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "digits", "alias": "champion"},
        {"name": "digits", "alias": "3", "version": "1"},  # would be taken for a number
        {"name": "digits", "alias": "a/b", "version": "1"},
        {"name": "digits", "alias": "champion", "version": "9"},
        {"name": "Digits", "alias": "champion", "version": "1"},
        {"name": "digits", "alias": "champion", "version": 1},
    ],
)
def test_aliases_of_nothing(api, app, digests, body):
    api.post(f"/apps/{app}/model-aliases", body, 422)
    assert api.get(f"/apps/{app}/model-aliases") == []


def test_without_a_store(api, app):
    answer = api.post(f"/apps/{app}/model-promotions", {"name": "digits", "version": "1"}, 422)
    assert "services add s3 --as MODEL_STORE" in answer["hint"]


def test_a_candidate_has_its_own_pins(api, deployed, tmp_path):
    """What serves keeps its model; promoting the candidate takes the pins along."""
    url = f"file://{tmp_path}"
    one, two = (
        models.publish(Store.open(url), Draft("digits", "onnx", SIGNATURE, [GOLDEN]), {"m": content}).digest
        for content in (b"1", b"2")
    )
    values = {"MODEL_STORE_URL": url, "MODEL_NAME": "digits", "MODEL_VERSION": "1"}
    api.patch(f"/apps/{deployed}/config-vars", values)
    body = {"name": "digits", "version": "2", "candidate": True}
    made = api.post(f"/apps/{deployed}/model-promotions", body)
    assert (made["model"]["digest"], made["current"]) == (two, False)
    assert api.get(f"/apps/{deployed}/releases/v{made['version']}/config-vars")["MODEL_SHA256"] == two
    assert current(api, deployed)["model"]["digest"] == one
    assert api.get(f"/apps/{deployed}/config-vars")["MODEL_SHA256"] == one
