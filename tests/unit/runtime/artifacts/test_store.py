"""Where a store is, what it refuses, and what nobody may see of it."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from twelve_runtime.artifacts import models
from twelve_runtime.artifacts.errors import Missing, Refused, StoreUnusable
from twelve_runtime.artifacts.places import Bucket, Directory, place, shown
from twelve_runtime.artifacts.store import Store

AWS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "sk"}


@pytest.mark.parametrize(
    ("url", "endpoint", "bucket", "prefix", "region", "key"),
    [
        ("s3://k:s@127.0.0.1:9000/b", "http://127.0.0.1:9000", "b1", "", "us-east-1", "k"),
        ("s3://k:s@store.internal:8333/b/models/x/", "http://store.internal:8333", "b1", "models/x", "us-east-1", "k"),
        ("s3://k:s@store.example/b?region=eu-1", "https://store.example", "b1", "", "eu-1", "k"),
        ("s3://k:s@store.example:8443/b?scheme=https", "https://store.example:8443", "b1", "", "us-east-1", "k"),
        ("s3://k:s%2F%40@[::1]:9/b", "http://[::1]:9", "b1", "", "us-east-1", "k"),
        ("s3://bucket/pre?endpoint_url=http://x:1", "http://x:1", "bucket", "pre", "us-east-1", "AK"),
        ("s3://bucket?region=eu-2", None, "bucket", "", "eu-2", "AK"),
    ],
)
def test_the_forms_of_a_url(url, endpoint, bucket, prefix, region, key):
    found = place(url.replace("/b", "/b1", 1) if bucket == "b1" else url, AWS, roles=False)
    assert isinstance(found, Bucket)
    assert (found.endpoint, found.name, found.prefix, found.region, found.key) == (
        endpoint,
        bucket,
        prefix,
        region,
        key,
    )
    assert "secret" not in repr(found)
    assert "@" not in shown(found)


def test_a_directory():
    assert place("file:///var/models", {}, roles=False) == Directory(Path("/var/models"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "models",
        "/var/models",
        "file://",
        "file:///",
        "file://host/x",
        "http://x/b",
        "s3://",
        "s3://k:geheim@h:notaport/b",
        "s3://k:geheim@127.0.0.1:9000/",
        "s3://k:geheim@169.254.169.254:80/bucket",  # a machine's own credentials
        "s3://bucket?endpoint_url=http://169.254.169.254",
        "s3://bucket?endpoint_url=gopher://x",
        "s3://[::1/b",
    ],
)
def test_other_urls_are_refused_without_saying_what_they_hold(url):
    with pytest.raises(StoreUnusable) as refused:
        place(url, AWS, roles=False)
    assert "geheim" not in str(refused.value)


def test_without_credentials_nobody_is_asked():
    with pytest.raises(StoreUnusable, match="AWS_ACCESS_KEY_ID"):
        place("s3://bucket/x", {}, roles=False)


def test_a_directory_that_is_not_there_is_not_made_by_reading(tmp_path):
    with pytest.raises(StoreUnusable):
        Store.open(f"file://{tmp_path}/none")
    assert not (tmp_path / "none").exists()


def test_the_first_one_stays(store):
    assert store.create("a/b", b"first")
    assert not store.create("a/b", b"second")
    assert store.get("a/b") == b"first"
    store.prove()
    assert [entry.path for entry in store.list("")] == ["a/b"]


def test_nothing_is_read_beyond_its_size(store):
    store.put("x", b"12345")
    with pytest.raises(Refused):
        store.get("x", 4)
    with pytest.raises(Refused):
        list(store.stream("x", 4))
    with pytest.raises(Missing):
        store.get("y")
    store.delete("y")


def test_nobody_there_is_one_sentence_without_secrets():
    store = Store.open("s3://key:geheim@127.0.0.1:1/bucket")
    with pytest.raises(StoreUnusable, match="nobody answers") as error:
        models.resolve(store, "1", "digits")
    assert "geheim" not in str(error.value)


class Overwriting(BaseHTTPRequestHandler):
    """As much of S3 as a store has that ignores If-None-Match."""

    objects: dict[str, bytes] = {}  # noqa: RUF012 - one server a test
    signed: list[dict[str, str]] = []  # noqa: RUF012

    def do_PUT(self):
        self.signed.append({name.lower(): value for name, value in self.headers.items()})
        self.objects[self.path] = self.rfile.read(int(self.headers["content-length"]))
        self.answer(200)

    def do_GET(self):
        self.answer(200 if self.path in self.objects else 404, self.objects.get(self.path, b""))

    def do_POST(self):
        """Delete several at once."""
        listed = self.rfile.read(int(self.headers["content-length"])).decode()
        for key in re.findall(r"<Key>(.*?)</Key>", listed):
            self.objects.pop(f"{self.path.partition('?')[0].rstrip('/')}/{key}", None)
        self.answer(200, b"<DeleteResult></DeleteResult>")

    def do_DELETE(self):
        self.objects.pop(self.path, None)
        self.answer(204)

    def answer(self, status, body=b""):
        self.send_response(status)
        for name, value in (
            ("ETag", '"x"'),
            ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
            ("Content-Length", str(len(body))),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def overwriting():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Overwriting)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    Overwriting.objects.clear()
    Overwriting.signed.clear()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_store_that_writes_over_objects_is_refused(overwriting):
    store = Store.open(f"s3://key:secret@{overwriting}/bucket")
    with pytest.raises(StoreUnusable, match="writes over objects"):
        store.prove()
    assert not Overwriting.objects


def test_what_the_environment_says_of_another_store_does_not_count(overwriting, monkeypatch):
    """An app may have an S3 bucket of its own beside its model store, and the platform another one."""
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_REGION": "mars-1",
        "AWS_ACCESS_KEY_ID": "other", "AWS_SECRET_ACCESS_KEY": "other", "AWS_SESSION_TOKEN": "other",
        "AWS_SKIP_SIGNATURE": "true", "AWS_S3_EXPRESS": "true", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    Store.open(f"s3://key:secret@{overwriting}/bucket").put("x", b"1")
    assert list(Overwriting.objects) == ["/bucket/x"]
    (headers,) = Overwriting.signed
    assert "Credential=key/" in headers["authorization"]
    assert "/us-east-1/" in headers["authorization"]
    assert "x-amz-security-token" not in headers
