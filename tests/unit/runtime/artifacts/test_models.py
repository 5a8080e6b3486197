"""Publish, resolve, fetch: what is in the store is what was published, or it is refused."""

from twelve_runtime.artifacts import models

FILES = {"model.onnx": b"weights", "extra/labels.txt": b"a\nb\n"}


def test_a_version_is_what_was_published(store, draft, tmp_path):
    published = models.publish(store, draft(metrics={"accuracy": 0.9}), FILES)
    found = models.resolve(store, published.version, "digits")
    assert (published.version, published.new) == ("1", True)
    assert found.digest == published.digest
    assert found.manifest.metrics == {"accuracy": 0.9}
    directory = models.fetch(store, found, tmp_path / "cache")
    assert {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()} == FILES
    assert models.verify(store, found) == sum(map(len, FILES.values()))
    assert models.resolve(store, published.digest, "digits").manifest.version == "1"
