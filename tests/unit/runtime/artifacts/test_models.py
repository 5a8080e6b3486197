"""Publish, resolve, fetch: what is in the store is what was published, or it is refused."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from twelve_runtime.artifacts import blobs, cache, layout, models, signing
from twelve_runtime.artifacts.errors import ArtifactError, Missing, Refused
from twelve_runtime.artifacts.store import Store

FILES = {"model.onnx": b"weights", "extra/labels.txt": b"a\nb\n"}
KEY = "0" * 64


def contents(directory):
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def test_a_version_is_what_was_published(store, draft, tmp_path):
    published = models.publish(store, draft(metrics={"accuracy": 0.9}), FILES)
    found = models.resolve(store, published.version, "digits")
    assert (published.version, published.new) == ("1", True)
    assert found.digest == published.digest
    assert found.manifest.metrics == {"accuracy": 0.9}
    assert contents(models.fetch(store, found, tmp_path / "cache")) == FILES
    assert models.verify(store, found) == sum(map(len, FILES.values()))
    assert models.resolve(store, published.digest, "digits").manifest.version == "1"


def test_every_flipped_byte_of_an_artifact_is_refused(store, draft, tmp_path):
    """Of the manifest, of each file and of the signature; at the digest, or before it."""
    private, public = signing.keypair()
    published = models.publish(store, draft(), FILES, signing_key=private)
    pin, keys = published.digest, [public]
    root = tmp_path / "store"

    def load():
        found = models.resolve(store, "1", "digits", pin=pin, public_keys=keys)
        models.verify(store, found)

    load()
    paths = [path for path in root.rglob("*") if path.is_file()]
    assert len(paths) == 4
    tried = 0
    for path in paths:
        good = path.read_bytes()
        for place in range(len(good)):
            path.write_bytes(good[:place] + bytes([good[place] ^ (1 << (place % 8))]) + good[place + 1 :])
            with pytest.raises(ArtifactError):
                load()
            tried += 1
        path.write_bytes(good)
    load()
    assert tried == sum(len(path.read_bytes()) for path in paths)


@pytest.mark.parametrize("change", [b"", b"weight", b"weightsx", b"x" * 100_000])
def test_a_file_of_another_size_is_refused(store, draft, tmp_path, change):
    models.publish(store, draft(), {"model.onnx": b"weights"})
    found = models.resolve(store, "1", "digits")
    (tmp_path / "store" / layout.blob(found.manifest.files[0].sha256)).write_bytes(change)
    with pytest.raises(Refused):
        models.fetch(store, found, tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and "locks" not in path.parts]


def test_one_signed_model_cannot_take_another_ones_place(store, draft, tmp_path):
    private, public = signing.keypair()
    models.publish(store, draft(), FILES, signing_key=private)
    models.publish(store, draft("other"), FILES, signing_key=private)
    models.publish(store, draft(), FILES)  # unsigned
    root = tmp_path / "store" / "models"
    (root / "digits/1/manifest.json").write_bytes((root / "other/1/manifest.json").read_bytes())
    with pytest.raises(Refused):
        models.resolve(store, "1", "digits", public_keys=[public])
    with pytest.raises(Refused, match="not signed"):
        models.resolve(store, "2", "digits", public_keys=[public])
    assert models.resolve(store, "2", "digits").signed_by == ""


def test_keys_can_be_changed_and_wrong_ones_are_said_to_be(store, draft):
    old, new = signing.keypair(), signing.keypair()
    models.publish(store, draft(), FILES, signing_key=new[0])
    both = signing.listed(f" {old[1]}, {new[1]}")
    assert models.resolve(store, "1", "digits", public_keys=both).signed_by == signing.key_id(new[1])
    with pytest.raises(Refused):
        models.resolve(store, "1", "digits", public_keys=[old[1]])
    with pytest.raises(ArtifactError, match="base64") as error:
        signing.listed("geheim")
    assert "geheim" not in str(error.value)
    with pytest.raises(ArtifactError):
        models.publish(store, draft(), FILES, signing_key="geheim")


def test_publishers_at_once_never_share_a_number(draft, tmp_path):
    url = f"file://{tmp_path}/store"
    Store.open(url, make=True)

    def publish(number):
        return models.publish(Store.open(url), draft(metrics={"n": number}), {"m": f"{number}".encode()})

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(publish, range(40)))
    assert sorted(int(one.version) for one in made) == list(range(1, 41))
    store = Store.open(url)
    for number, one in enumerate(made):
        found = models.resolve(store, one.version, "digits", pin=one.digest)
        assert found.manifest.metrics == {"n": number}
        models.verify(store, found)


def test_the_same_training_gives_the_first_version(store, draft):
    first = models.publish(store, draft(train_key=KEY), FILES)
    again = models.publish(store, draft(train_key=KEY), {"m": b"other"})
    assert (again.version, again.digest, again.new) == (first.version, first.digest, False)
    store.delete(layout.by_key("digits", KEY))  # a publisher that died before its last step
    assert models.publish(store, draft(train_key=KEY), FILES).version == first.version
    models.delete(store, "digits", "1")
    assert models.publish(store, draft(train_key=KEY), FILES).new


def test_the_same_training_at_once_is_one_version(draft, tmp_path):
    url = f"file://{tmp_path}/store"
    Store.open(url, make=True)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: models.publish(Store.open(url), draft(train_key=KEY), FILES), range(8)))
    assert len({one.version for one in made}) == 1
    live = [one for one in models.versions(Store.open(url), "digits") if not one.deleted]
    assert [one.version for one in live] == [made[0].version]


def test_a_removed_version_is_for_those_that_have_it_pinned(store, draft):
    one = models.publish(store, draft(), FILES)
    models.delete(store, "digits", "1", "wrong labels")
    with pytest.raises(Missing, match="deleted"):
        models.resolve(store, "1", "digits")
    with pytest.raises(Missing):
        models.resolve(store, one.digest, "digits")
    assert models.resolve(store, "1", "digits", pin=one.digest).digest == one.digest
    assert models.publish(store, draft(), FILES).version == "2"
    assert [(v.version, v.deleted) for v in models.versions(store, "digits")] == [("2", False), ("1", True)]


@pytest.mark.parametrize("ref", ["latest", "", "0", "01", "champion", "sha256:1", "1/../2", "-1", "²"])
def test_only_numbers_and_digests_are_versions(store, ref):
    with pytest.raises(Refused):
        models.resolve(store, ref, "digits")


def test_what_is_missing_says_what_there_is(store, draft):
    models.publish(store, draft(), FILES)
    with pytest.raises(Missing, match="the newest are 1"):
        models.resolve(store, "7", "digits")
    with pytest.raises(Missing, match="there is no nothing at all"):
        models.resolve(store, "7", "nothing")


def test_another_pin_is_refused(store, draft):
    models.publish(store, draft(), FILES)
    with pytest.raises(Refused, match="pins"):
        models.resolve(store, "1", "digits", pin="sha256:" + "0" * 64)


def test_a_bad_draft_sends_nothing(store, draft, tmp_path):
    with pytest.raises(Refused):
        models.publish(store, draft(framework="magic"), FILES)
    with pytest.raises(Refused):
        models.publish(store, draft(), {"../x": b""})
    with pytest.raises(Refused):
        models.publish(store, draft(metrics={"x": float("nan")}), FILES)
    assert not list((tmp_path / "store").rglob("*.json"))


def test_a_file_that_changes_while_it_is_published_is_refused(store, tmp_path):
    path = tmp_path / "m"
    path.write_bytes(b"one")
    file = blobs.described("m", path)
    path.write_bytes(b"two")
    with pytest.raises(Refused, match="changed"):
        blobs.put(store, file, path)
    assert not store.exists(layout.blob(file.sha256))


def test_large_files_go_in_pieces(store, draft, tmp_path):
    path = tmp_path / "big"
    path.write_bytes(os.urandom(20_000_000))
    seen = []
    models.publish(store, draft(), {"big": path}, progress=lambda _, count: seen.append(count))
    found = models.resolve(store, "1", "digits")
    models.fetch(store, found, tmp_path / "cache", progress=lambda _, count: seen.append(-count))
    assert sum(seen) == 0
    assert max(seen) < 10_000_000


# the cache


def test_what_is_fetched_is_read_only_and_exactly_what_is_listed(store, draft, tmp_path):
    models.publish(store, draft(), FILES)
    directory = models.fetch(store, models.resolve(store, "1", "digits"), tmp_path / "cache")
    for path in directory.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o555 if path.is_dir() else 0o444)
    file = models.resolve(store, "1", "digits").manifest.files[0]
    assert models.read(directory, file) == b"weights"


@pytest.mark.parametrize("damage", ["changed", "replaced", "extra", "gone", "link"])
def test_a_cache_that_was_tampered_with_is_made_good(store, draft, tmp_path, damage):
    models.publish(store, draft(), FILES)
    found = models.resolve(store, "1", "digits")
    directory = models.fetch(store, found, tmp_path / "cache")
    target = directory / "model.onnx"
    directory.chmod(0o755)
    match damage:
        case "changed":
            target.chmod(0o644)
            target.write_bytes(b"weightz")  # also in the blob: it is the same file
            with pytest.raises(Refused):
                models.read(directory, found.manifest.files[0])
        case "replaced":
            target.unlink()
            target.write_bytes(b"weightz")
        case "extra":
            (directory / "evil.so").write_bytes(b"x")
        case "gone":
            target.unlink()
        case "link":
            target.unlink()
            target.symlink_to("/etc/passwd")
    assert contents(models.fetch(store, found, tmp_path / "cache")) == FILES


def test_processes_that_ask_at_once_load_it_once(store, draft, tmp_path):
    models.publish(store, draft(), FILES)
    found = models.resolve(store, "1", "digits")
    read = []

    class Counting(Store):
        def stream(self, path, size):
            read.append(path)
            return super().stream(path, size)

    counting = Counting(store._objects, store.name)
    with ThreadPoolExecutor(8) as pool:
        places = set(pool.map(lambda _: models.fetch(counting, found, tmp_path / "cache"), range(8)))
    assert len(places) == 1
    assert len(read) == len(FILES)


def test_what_a_killed_loader_left_is_no_obstacle(store, draft, tmp_path):
    models.publish(store, draft(), FILES)
    found = models.resolve(store, "1", "digits")
    half = tmp_path / "cache" / "sha256" / f"{found.manifest.files[0].sha256}.part"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"wei")
    (tmp_path / "cache" / "models" / f"{found.digest[7:]}.part" / "x").mkdir(parents=True)
    assert contents(models.fetch(store, found, tmp_path / "cache")) == FILES


def test_a_pickle_needs_leave_a_pin_and_a_signature(store, draft, tmp_path):
    private, public = signing.keypair()
    for name, framework, path in (("one", "pickle", "m"), ("two", "python", "m.PKL")):
        made = models.publish(store, draft(name, framework), {path: b"x"}, signing_key=private)

        def fetch(*, allow=True, pin=made.digest, keys=(public,), name=name):
            found = models.resolve(store, "1", name, pin=pin, public_keys=keys)
            return models.fetch(store, found, tmp_path / "cache", allow_pickle=allow)

        for wrong in ({"allow": False}, {"pin": None}, {"keys": ()}):
            with pytest.raises(Refused, match="pickle"):
                fetch(**wrong)
        assert contents(fetch()) == {path: b"x"}


def test_a_copy_is_all_or_nothing(store, draft, tmp_path):
    models.publish(store, draft(), FILES)
    files = models.resolve(store, "1", "digits").manifest.files
    store.delete(layout.blob(files[1].sha256))
    with pytest.raises(Missing):
        cache.download(store, files, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(ArtifactError, match="not an empty directory"):
        cache.download(store, files, tmp_path / "full")


class Dying(Store):
    """Its process ends at its n-th write: everything before is there, nothing after."""

    left = 0

    def _write(self):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1

    def create(self, path, data):
        self._write()
        return super().create(path, data)

    def put(self, path, data):
        self._write()
        super().put(path, data)


def test_a_publisher_may_die_at_any_write(draft, tmp_path):
    """What there is is whole, and publishing again gives one version."""
    private, public = signing.keypair()
    died = 0
    for number in range(20):
        store = Store.open(f"file://{tmp_path}/{number}", make=True)
        store.prove()
        dying = Dying(store._objects, store.name)
        dying._proven, dying.left = True, number
        try:
            models.publish(dying, draft(train_key=KEY), FILES, signing_key=private)
        except KeyboardInterrupt:
            died += 1
        for found in models.versions(store, "digits"):
            models.verify(store, models.resolve(store, found.version, "digits", public_keys=[public]))
        again = models.publish(store, draft(train_key=KEY), FILES, signing_key=private)
        assert [one.version for one in models.versions(store, "digits")] == [again.version] == ["1"]
        models.verify(store, models.resolve(store, "1", "digits", pin=again.digest, public_keys=[public]))
    assert died == 5  # two contents, the signature, the manifest, the key
