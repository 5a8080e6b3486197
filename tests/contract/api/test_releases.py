from urllib.parse import urlsplit

import httpx
import pytest

pytestmark = pytest.mark.integration


def versions(api, app, wanted="version ..; max=15, order=desc"):
    return [release["version"] for release in api.get(f"/apps/{app}/releases", range=wanted)]


def test_every_way_to_name_a_release(api, deployed):
    [release] = api.get(f"/apps/{deployed}/releases")
    for ref in ("1", "v1", release["id"], "current"):
        assert api.get(f"/apps/{deployed}/releases/{ref}") == release
    assert api.get(f"/apps/{deployed}/releases/v9", 404)["resource"] == "release"
    assert release["current"] is True
    assert release["eligible_for_rollback"] is True
    assert release["output_stream_url"] is None


def test_newest_first_when_asked(api, deployed):
    for number in range(3):
        api.patch(f"/apps/{deployed}/config-vars", {"N": str(number)})
    assert versions(api, deployed) == [4, 3, 2, 1]
    assert versions(api, deployed, "") == [1, 2, 3, 4]


@pytest.mark.parametrize("form", ["id", "number", "v", "bare"])
def test_rollback(api, deployed, form):
    [first] = api.get(f"/apps/{deployed}/releases")
    api.patch(f"/apps/{deployed}/config-vars", {"A": "1"})
    body = {"id": {"release": first["id"]}, "number": {"release": 1}, "v": {"release": "v1"}, "bare": {}}[form]
    judged = api.post if form == "id" else lambda path, body: api.lenient("POST", path, body, 201)
    release = judged(f"/apps/{deployed}/releases", body)
    assert (release["version"], release["description"], release["current"]) == (3, "Rollback to v1", True)
    assert release["slug"] == first["slug"]
    assert api.get(f"/apps/{deployed}/config-vars") == {}


def test_a_rollback_that_cannot_be(api, deployed):
    assert api.post(f"/apps/{deployed}/releases", {"release": "v9"}, 404)["resource"] == "release"
    assert api.post(f"/apps/{deployed}/releases", {}, 422)["exit_code"] == 50
    assert api.post(f"/apps/{deployed}/releases", {"slug": "x"}, 422)["id"] == "invalid_params"


def test_a_failed_release_never_serves(api, deployed):
    build = api.deploy(deployed, "web: exit 3\n")
    assert build["status"] == "succeeded"
    assert build["failure"]["id"] == "boot_crash"
    assert build["failure"]["exit_code"] == 62
    release = api.get(f"/apps/{deployed}/releases/{build['release']['id']}")
    assert (release["status"], release["current"], release["eligible_for_rollback"]) == ("failed", False, False)
    assert api.get(f"/apps/{deployed}/releases/current")["version"] == 1
    assert {dyno["release"]["version"] for dyno in api.get(f"/apps/{deployed}/dynos")} == {1}


def test_the_release_commands_output_is_a_capability(api, app, address):
    build = api.deploy(app, "web: serve\nrelease: echo migrated; echo twice\n")
    release = api.get(f"/apps/{app}/releases/{build['release']['id']}")
    answer = httpx.get(address + urlsplit(release["output_stream_url"]).path)
    assert answer.text == "migrated\ntwice\n"
    assert answer.headers["content-type"].startswith("text/plain")
    assert httpx.get(address + urlsplit(release["output_stream_url"]).path[:-4] + "AAAA").status_code == 404


def test_a_failing_release_command_fails_the_release_with_its_words(api, deployed):
    build = api.deploy(deployed, "web: serve\nrelease: echo broken; exit 4\n")
    assert build["failure"]["id"] == "release_command_failed"
    assert "broken" in build["failure"]["log"]
    release = api.get(f"/apps/{deployed}/releases/{build['release']['id']}")
    assert release["failure"]["id"] == "release_command_failed"
    assert "broken" in api.client.get(release["output_stream_url"]).text


def test_slugs(api, deployed):
    [release] = api.get(f"/apps/{deployed}/releases")
    slug = api.get(f"/apps/{deployed}/slugs/{release['slug']['id']}")
    assert slug["process_types"] == {"web": "serve", "worker": "work"}
    assert api.get(f"/apps/{deployed}/slugs/{release['id']}", 404)["resource"] == "slug"
