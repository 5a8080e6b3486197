"""Uploads to a real object store: whole and checked, or not there at all."""

import asyncio
import hashlib
import os
import secrets
import signal
import subprocess
import sys

import boto3
import fastapi
import httpx
import obstore
import pytest
from starlette.requests import ClientDisconnect
from twelve_runtime.resources import s3
from twelve_runtime.uploads import CutOff, NoUpload, TooLarge, Uploads, WrongType

pytestmark = pytest.mark.integration

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10
LARGE = 12_000_000


@pytest.fixture(scope="module")
def store(bucket):
    return s3.store(bucket["FILES_URL"])


@pytest.fixture
def uploads(store):
    types = {"image/png", "text/plain", "application/octet-stream"}
    return Uploads(store, f"tests/{secrets.token_hex(4)}", types=types, largest=LARGE)


@pytest.fixture
def left(bucket, uploads):
    """All that is in the store of this test: finished objects, and uploads in parts that nobody ended."""
    client = boto3.client(
        "s3",
        endpoint_url=bucket["FILES_ENDPOINT"],
        region_name=bucket["FILES_REGION"],
        aws_access_key_id=bucket["FILES_ACCESS_KEY_ID"],
        aws_secret_access_key=bucket["FILES_SECRET_ACCESS_KEY"],
    )

    def look():
        where = {"Bucket": bucket["FILES_BUCKET"], "Prefix": uploads._prefix + "/"}
        objects = [found["Key"] for found in client.list_objects_v2(**where).get("Contents", [])]
        parts = [found["Key"] for found in client.list_multipart_uploads(**where).get("Uploads", [])]
        return objects, parts

    yield look
    client.close()


def pieces(size, of=1_000_000):
    for start in range(0, size, of):
        yield b"x" * min(of, size - start)


@pytest.mark.parametrize("size", [0, 5, LARGE])
def test_what_was_received_comes_back(uploads, left, size):
    kept = uploads.receive("a.bin", "application/octet-stream", pieces(size), length=size)
    whole = b"".join(uploads.open(kept.key))
    assert (whole, kept.size, kept.name) == (b"x" * size, size, "a.bin")
    assert kept.sha256 == hashlib.sha256(whole).hexdigest()
    assert left() == ([kept.key], [])


def test_two_files_of_one_name_are_two(uploads):
    first, second = (uploads.receive("a.txt", "text/plain", [text]) for text in (b"1", b"2"))
    assert b"".join(uploads.open(first.key)) == b"1"
    assert first.key != second.key


def test_a_browser_gets_it_as_a_download_with_its_name(uploads):
    kept = uploads.receive("grün & bunt.png", "image/png", [PNG])
    with httpx.Client() as client:
        answer = client.get(uploads.link(kept.key))
        assert client.get(uploads.link(kept.key)[:-1] + "0").status_code in {200, 403}  # 0 may be the right digit
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''gr%C3%BCn_bunt.png"


def cut_off(size, error):
    yield from pieces(size)
    raise error


@pytest.mark.parametrize("size", [0, 3_000_000, 11_000_000])
def test_an_upload_that_is_cut_off_leaves_nothing(uploads, left, size):
    with pytest.raises(ConnectionResetError):
        uploads.receive("a.bin", "application/octet-stream", cut_off(size, ConnectionResetError()))
    with pytest.raises(CutOff, match=f"{size} of 12000000 bytes"):
        uploads.receive("a.bin", "application/octet-stream", pieces(size), length=12_000_000)
    assert left() == ([], [])


def test_one_that_is_too_large_leaves_nothing(uploads, left):
    with pytest.raises(TooLarge, match="may have 12000000 bytes"):
        uploads.receive("a.bin", "application/octet-stream", pieces(LARGE + 1))
    with pytest.raises(TooLarge):
        uploads.receive("a.bin", "application/octet-stream", [], length=LARGE + 1)
    assert left() == ([], [])


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", b"<script>"),  # not asked for
        ("image/png", b"GIF89a" + b"x" * 1000),  # another's beginning
        ("image/png", PNG[1:]),
        ("image/png", b""),
        ("text/plain", b"a\0b"),
        ("text/plain", b"x" * 6_000_000 + b"\xff"),  # late in a long file
        ("text/plain", "ü".encode()[:1]),  # half a letter at the end
    ],
)
def test_one_of_another_type_leaves_nothing(uploads, left, content_type, body):
    chunks = [body[start : start + 1_000_000] for start in range(0, len(body), 1_000_000)]
    with pytest.raises(WrongType):
        uploads.receive("a", content_type, chunks)
    assert left() == ([], [])


def test_a_type_is_recognised_and_a_letter_is_read_over_pieces(uploads):
    uploads.receive("a.png", "image/png", [PNG[at : at + 1] for at in range(len(PNG))])
    uploads.receive("a.txt", "text/plain", [bytes([byte]) for byte in "grün 🎉".encode()])


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "..", ".", "", "a/../..", "\0", "a\nb", "%2e%2e%2f"]
)
def test_no_name_leads_out_of_the_prefix(uploads, left, name):
    kept = uploads.receive(name, "text/plain", [b"x"])
    assert kept.key.startswith(uploads._prefix + "/")
    assert kept.key.count("/") == uploads._prefix.count("/") + 2
    assert ".." not in kept.key
    assert left()[0] == [kept.key]


@pytest.mark.parametrize(
    "key", ["", "other/x", "{}/../other", "{}/../../x", "{}/x", "{}/" + "0" * 32 + "/../a/b", "{}/" + "0" * 32 + "/a/b"]
)
def test_no_key_leads_out_of_the_prefix(uploads, store, key):
    key = key.format(uploads._prefix)
    for question in (uploads.open, uploads.link, uploads.delete, uploads.accept):
        with pytest.raises(NoUpload):
            question(key)


@pytest.mark.parametrize("prefix", ["", "/", "..", "a/../b", ".hidden", "a b"])
def test_a_prefix_is_plain(store, prefix):
    with pytest.raises(ValueError, match="prefix"):
        Uploads(store, prefix, types=[], largest=1)


def test_what_is_gone_is_gone(uploads, left):
    kept = uploads.receive("a.txt", "text/plain", [b"x"])
    uploads.delete(kept.key)
    uploads.delete(kept.key)
    with pytest.raises(NoUpload):
        uploads.open(kept.key)
    assert left() == ([], [])


def test_what_a_browser_says_besides_the_type_is_no_part_of_it(uploads):
    assert uploads.receive("a", "Text/Plain; charset=UTF-8", [b"x"]).content_type == "text/plain"
    offer = uploads.offer("a", "text/plain;charset=UTF-8")
    put(offer, b"x", **{"content-type": "text/plain;charset=UTF-8"})
    assert uploads.accept(offer.key).content_type == "text/plain"


def put(offer, body, **headers):
    sent = {name.lower(): value for name, value in offer.headers.items()} | headers
    answer = httpx.request(offer.method, offer.url, content=body, headers=sent)
    assert answer.status_code == 200, answer.text


def test_a_browser_sends_it_past_the_app(uploads, left):
    offer = uploads.offer("me.png", "image/png")
    put(offer, PNG)
    kept = uploads.accept(offer.key)
    assert (kept.size, kept.content_type, kept.name) == (len(PNG), "image/png", "me.png")
    assert b"".join(uploads.open(kept.key)) == PNG
    assert uploads.accept(offer.key) == kept
    put(offer, b"GIF89a")  # the signature is still good, but nobody looks there any more
    assert b"".join(uploads.open(kept.key)) == PNG
    assert kept.key in left()[0]


@pytest.mark.parametrize(
    ("body", "headers", "refused"),
    [
        (b"GIF89a", {}, WrongType),
        (PNG, {"content-type": "text/html"}, WrongType),
        (PNG, {"content-disposition": "inline"}, WrongType),
        (b"x" * (LARGE + 1), {}, TooLarge),
    ],
)
def test_what_the_browser_sent_is_looked_at(uploads, left, body, headers, refused):
    offer = uploads.offer("me.png", "image/png")
    put(offer, body, **headers)
    with pytest.raises(refused):
        uploads.accept(offer.key)
    assert left() == ([], [])
    with pytest.raises(NoUpload):
        uploads.accept(offer.key)


def test_an_offer_that_nobody_took_up_is_swept(uploads, left):
    offer = uploads.offer("me.png", "image/png")
    assert uploads.sweep() == 0
    put(offer, PNG)
    assert uploads.sweep() == 0
    assert uploads.sweep(seconds=0) == 1
    assert left() == ([], [])


def test_a_store_with_a_prefix_of_its_own(bucket):
    own = Uploads(s3.store(bucket["FILES_URL"] + "/below"), "p", types={"image/png"}, largest=LARGE)
    offer = own.offer("me.png", "image/png")
    put(offer, PNG)
    kept = own.accept(offer.key)
    assert httpx.get(own.link(kept.key)).content == PNG
    assert [found["path"] for found in obstore.list(s3.store(bucket["FILES_URL"]), "below").collect()] == [
        "below/" + kept.key
    ]


def test_under_fastapi_it_streams_and_a_client_that_leaves_leaves_nothing(uploads, left):
    app = fastapi.FastAPI()

    @app.put("/files/{name}")
    async def receive(request: fastapi.Request, name: str):
        kept = await uploads.receive_async(name, request.headers["content-type"], request.stream())
        return {"key": kept.key, "size": kept.size}

    async def ask(body):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app") as client:
            return await client.put("/files/a.bin", content=body, headers={"content-type": "application/octet-stream"})

    async def slowly(size):
        for piece in pieces(size):
            yield piece

    answer = asyncio.run(ask(slowly(7_000_000))).json()
    assert (left(), answer["size"]) == (([answer["key"]], []), 7_000_000)
    uploads.delete(answer["key"])

    async def leaves():
        messages = [{"type": "http.request", "body": b"x" * 6_000_000, "more_body": True}, {"type": "http.disconnect"}]
        sent = []
        scope = {
            "type": "http", "method": "PUT", "path": "/files/a.bin", "raw_path": b"/files/a.bin", "query_string": b"",
            "headers": [(b"content-type", b"application/octet-stream")], "http_version": "1.1", "scheme": "http",
        }  # fmt: skip

        async def receive():
            return messages.pop(0)

        async def send(message):
            sent.append(message)

        await app(scope, receive, send)

    with pytest.raises(ClientDisconnect):
        asyncio.run(leaves())
    assert left() == ([], [])


VICTIM = """
import os, signal, sys
from twelve_runtime.resources import s3
from twelve_runtime.uploads import Uploads

def pieces():
    for number in range(8):
        yield b"x" * 1_000_000
        if number == 6:
            print("half", flush=True)
            signal.pause()

uploads = Uploads(s3.store(os.environ["FILES_URL"]), sys.argv[1], types={"a/b"}, largest=10**9)
uploads.receive("a.bin", "a/b", pieces())
"""


def test_a_process_that_is_killed_in_the_middle_leaves_no_object(uploads, left, bucket):
    environment = os.environ | bucket
    command = [sys.executable, "-c", VICTIM, uploads._prefix]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout.readline() == "half\n"
        victim.send_signal(signal.SIGKILL)
    assert left()[0] == []
