"""The sweep takes what nothing needs and what is old, and nothing else."""

import os
import time
from datetime import timedelta

import pytest
from twelve_runtime.artifacts import datasets, layout, models, signing
from twelve_runtime.artifacts.errors import Refused


def age(root, hours=25):
    then = time.time() - hours * 3600
    for path in root.rglob("*"):
        os.utime(path, (then, then))


def blobs(store):
    return {entry.path for entry in store.list("blobs")}


def test_only_what_nothing_names_and_what_is_old_goes(store, draft, tmp_path):
    private, _ = signing.keypair()
    kept = models.publish(store, draft(), {"m": b"kept"}, signing_key=private)
    gone = models.publish(store, draft(), {"m": b"gone"}, signing_key=private)
    (tmp_path / "d").write_text("data")
    datasets.push(store, "numbers", tmp_path / "d")
    models.delete(store, "digits", gone.version)
    store.put(layout.blob("0" * 64), b"orphan")
    assert models.gc(store).paths == ()  # all of it is young
    age(tmp_path / "store")
    doomed = models.gc(store, [gone.digest], dry_run=True)  # a release has it pinned
    assert doomed.paths == (layout.blob("0" * 64),)
    assert store.exists(doomed.paths[0])
    swept = models.gc(store)
    assert len(swept.paths) == 3  # the orphan, what was deleted, and its signature
    models.verify(store, models.resolve(store, kept.version, "digits"))
    datasets.pull(store, datasets.versions(store, "numbers")[0], tmp_path / "out")
    assert len(blobs(store)) == 2


def test_what_is_published_again_is_young_again(store, draft, tmp_path):
    """A publisher that finds an old blob nobody names writes it anew, so that a sweep at the same time leaves it."""
    first = models.publish(store, draft(), {"m": b"again"})
    models.delete(store, "digits", first.version)
    age(tmp_path / "store")
    models.publish(store, draft("other"), {"m": b"again"})
    (entry,) = list(store.list("blobs"))
    assert time.time() - entry.modified.timestamp() < 3600
    assert models.gc(store, older_than=timedelta(hours=1)).kept == 1


def test_a_manifest_that_cannot_be_read_stops_the_sweep(store, draft, tmp_path):
    models.publish(store, draft(), {"m": b"1"})
    store.create(layout.model("digits", "2"), b"{not json")
    age(tmp_path / "store")
    with pytest.raises(Refused, match="digits@2"):
        models.gc(store)
    assert blobs(store)
    store.create(layout.deleted("digits", "2"), b"{}")
    assert models.gc(store).paths == ()
