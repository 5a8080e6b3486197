"""Artifacts in the platform's own S3 server: what the unit tests prove of a directory holds there too."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from twelve_runtime.artifacts import datasets, layout, models, signing
from twelve_runtime.artifacts.errors import ArtifactError, Missing, StoreUnusable
from twelve_runtime.artifacts.models import Draft
from twelve_runtime.artifacts.store import Store

from tests.unit.runtime.artifacts.conftest import GOLDEN, SIGNATURE

pytestmark = pytest.mark.integration

KEY = "1" * 64


@pytest.fixture(scope="module")
def url(servers):
    return servers["s3"].config("MODELS", servers["s3"].create("s3-artifacts-1"))["MODELS_URL"]


@pytest.fixture
def store(url, request):
    """A prefix of its own for each test."""
    return Store.open(f"{url}/{request.node.name}")


def draft(name="digits", **more):
    return Draft(name=name, framework="onnx", signature=SIGNATURE, golden=[GOLDEN], **more)


def test_it_keeps_what_was_written_first(store):
    store.prove()
    assert store.create("x", b"one")
    assert not store.create("x", b"two")
    assert store.get("x") == b"one"
    assert not store.exists("y")
    with pytest.raises(Missing):
        store.get("y")


def test_a_model_there_and_back(store, tmp_path):
    """With a file that goes up in several parts."""
    big = tmp_path / "big"
    big.write_bytes(os.urandom(20_000_000))
    files = {"model.onnx": b"weights", "data/big.bin": big, "empty": b""}
    private, public = signing.keypair()
    made = models.publish(store, draft(), files, signing_key=private)
    found = models.resolve(store, "1", "digits", pin=made.digest, public_keys=[public])
    directory = models.fetch(store, found, tmp_path / "cache")
    assert (directory / "data" / "big.bin").read_bytes() == big.read_bytes()
    assert (directory / "empty").read_bytes() == b""
    assert models.model_names(store) == ["digits"]
    data = datasets.push(store, "numbers", tmp_path / "big").dataset
    assert datasets.pull(store, data, tmp_path / "out").joinpath("big").stat().st_size == 20_000_000


def test_publishers_at_once_never_share_a_number(url, request):
    where = f"{url}/{request.node.name}"

    def publish(number):
        return models.publish(Store.open(where), draft(metrics={"n": number}), {"m": f"{number}".encode()})

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(publish, range(18)))
        again = list(
            pool.map(lambda _: models.publish(Store.open(where), draft("other", train_key=KEY), {"m": b""}), range(6))
        )
    assert sorted(int(one.version) for one in made) == list(range(1, 19))
    assert len({one.version for one in again}) == 1


def test_flipped_bytes_are_refused(store, tmp_path):
    private, public = signing.keypair()
    made = models.publish(store, draft(), {"m": b"weights"}, signing_key=private)
    for entry in [one for one in store.list("") if not one.path.startswith("probe")]:
        good = store.get(entry.path)
        for place in (0, len(good) // 2, len(good) - 1):
            store.put(entry.path, good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
            with pytest.raises(ArtifactError):
                models.verify(store, models.resolve(store, "1", "digits", pin=made.digest, public_keys=[public]))
        store.put(entry.path, good)
    models.verify(store, models.resolve(store, "1", "digits", pin=made.digest, public_keys=[public]))


def test_the_sweep(store):
    models.publish(store, draft(), {"m": b"kept"})
    store.put(layout.blob("0" * 64), b"orphan")
    assert models.gc(store).paths == ()
    assert models.gc(store, older_than=timedelta(0)).paths == (layout.blob("0" * 64),)
    models.verify(store, models.resolve(store, "1", "digits"))


def test_wrong_keys_and_buckets_are_one_sentence_without_the_secret(url):
    credentials, _, rest = url.removeprefix("s3://").partition("@")
    key, _, secret = credentials.partition(":")
    for wrong in (f"s3://{key}:geheim@{rest}", f"s3://nobody:geheim@{rest}", f"s3://{credentials}@{rest}-other"):
        with pytest.raises((StoreUnusable, Missing)) as refused:
            models.publish(Store.open(wrong), draft(), {"m": b"x"})
        assert "geheim" not in str(refused.value)
        assert secret not in str(refused.value)


def test_the_usual_variables_do_as_well(url):
    credentials, _, rest = url.removeprefix("s3://").partition("@")
    (key, _, secret), (host, _, bucket) = credentials.partition(":"), rest.partition("/")
    environ = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_ENDPOINT_URL_S3": f"http://{host}"}
    store = Store.open(f"s3://{bucket}/usual", environ)
    assert models.publish(store, draft(), {"m": b"x"}).version == "1"
    assert models.resolve(Store.open(f"{url}/usual"), "1", "digits").manifest.name == "digits"
