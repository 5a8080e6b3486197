import os
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.api.conftest import tarball

pytestmark = pytest.mark.integration


def test_a_deploy(api, app):
    made = api.post(
        f"/apps/{app}/builds", {"source_blob": {"url": api.upload(Procfile="web: serve\n"), "version": "abc123"}}
    )
    assert made["status"] == "pending"
    output = api.client.get(made["output_stream_url"])
    assert output.headers["content-type"].startswith("text/plain")
    assert "-----> Reading the Procfile" in output.text
    assert output.text.rstrip().endswith(f"{app}.localhost:{api.platform.settings.router_port} serves v1")
    build = api.get(f"/apps/{app}/builds/{made['id']}")
    assert (build["status"], build["failure"], build["source_blob"]["version"]) == ("succeeded", None, "abc123")
    assert api.get(f"/apps/{app}/releases/current")["id"] == build["release"]["id"]
    [listed] = api.get(f"/apps/{app}/builds")
    unsigned = {"output_stream_url": None}  # its address is signed anew each time
    assert listed | unsigned == build | unsigned


def test_the_output_is_kept_and_needs_no_token(api, deployed, address):
    [build] = api.get(f"/apps/{deployed}/builds")
    path = urlsplit(build["output_stream_url"]).path
    first = httpx.get(address + path)
    assert "Released v1" in first.text
    assert httpx.get(address + path).text == first.text
    assert httpx.get(f"{address}/_output/builds/x.y").status_code == 404


def test_a_failed_build_says_why(api, app):
    build = api.deploy(app, "no procfile at all\n")
    assert build["status"] == "failed"
    assert build["release"] is None
    assert build["failure"]["exit_code"] == 21
    assert "Procfile:1" in build["failure"]["message"]


def test_a_development_env_comes_with_the_build(api, app):
    assert api.deploy(app, dotenv={"FROM_DOTENV": "yes"})["status"] == "succeeded"
    assert api.get(f"/apps/{app}/config-vars") == {"FROM_DOTENV": "yes"}


def test_up_runs_one_process_of_every_type(api, app):
    api.deploy(app, provision=True)
    assert [dyno["name"] for dyno in api.get(f"/apps/{app}/dynos")] == ["web.1", "worker.1"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, '"url" is missing'),
        ({"source_blob": []}, '"source_blob" must be an object'),
        ({"source_blob": {"url": "https://example.com/x.tgz"}}, "uploaded first"),
        ({"source_blob": {"url": "file:///etc/passwd"}}, "uploaded first"),
    ],
)
def test_only_uploaded_sources_are_built(api, app, body, words):
    assert words in api.post(f"/apps/{app}/builds", body, 422)["message"]


def test_a_source_that_nobody_uploaded(api, app):
    blob = api.post(f"/apps/{app}/sources")["source_blob"]
    assert api.post(f"/apps/{app}/builds", {"source_blob": {"url": blob["get_url"]}}, 404)["resource"] == "source"
    assert api.post(f"/apps/{app}/builds", {"source_blob": {"url": blob["put_url"]}}, 404)


def test_uploads_need_the_address_and_no_token(api, address):
    blob = api.post("/sources")["source_blob"]
    path = urlsplit(blob["put_url"]).path
    data = tarball({"Procfile": "web: x"})
    assert httpx.put(address + path, content=data).status_code == 200
    assert httpx.get(address + urlsplit(blob["get_url"]).path).content == data
    assert httpx.put(address + path, content=data).status_code == 409
    assert httpx.put(address + urlsplit(blob["get_url"]).path, content=data).status_code == 404
    assert httpx.get(address + path).status_code == 404


def test_a_large_upload_is_streamed(api, address, platform):
    def chunks():
        for _ in range(64):
            yield b"x" * (1 << 19)

    blob = api.post("/sources")["source_blob"]
    assert httpx.put(address + urlsplit(blob["put_url"]).path, content=chunks(), timeout=60).status_code == 200
    [found] = [file for file in platform.settings.uploads.iterdir() if file.stat().st_size == 32 << 20]
    found.unlink()


def test_an_upload_that_breaks_off_leaves_nothing(api, address, platform):
    def broken():
        yield b"x" * 100
        raise ConnectionError

    before = set(platform.settings.uploads.iterdir())
    path = urlsplit(api.post("/sources")["source_blob"]["put_url"]).path
    with pytest.raises(ConnectionError):
        httpx.put(address + path, content=broken())
    assert httpx.put(address + path, content=b"whole").status_code == 200
    [whole] = set(platform.settings.uploads.iterdir()) - before
    assert whole.read_bytes() == b"whole"


def test_a_build_nobody_knows(api, app):
    for ref in ("nothing", app, "f47ac10b-58cc-4372-a567-0e02b2c3d479"):
        assert api.get(f"/apps/{app}/builds/{ref}", 404)["resource"] == "build"


def test_what_nobody_builds_is_swept_away(api, platform):
    old, new = (platform.settings.uploads / name for name in ("old.tgz", "new.tgz"))
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    api.post("/sources")
    assert (old.exists(), new.exists()) == (False, True)
    new.unlink()
