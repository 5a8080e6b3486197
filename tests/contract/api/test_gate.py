"""What every request meets before its route."""

import base64
import http.client
import json
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.api import schema

pytestmark = pytest.mark.integration


def test_the_published_schema_judges_these_tests(contract):
    if contract is None:
        pytest.skip(schema.ABSENT)
    assert len(contract.links) > 300


@pytest.mark.parametrize("path", ["/apps", "/account", "/_twelve/status", "/nothing", "/apps/x/config-vars"])
def test_nothing_is_told_without_the_token(address, path):
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic d3Jvbmc6d3Jvbmc="}):
        answer = httpx.get(address + path, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["id"] == "unauthorized"
        assert answer.json()["exit_code"] == 5


def test_basic_with_the_token_as_password_opens(api, address):
    token = api.client.headers["authorization"].removeprefix("Bearer ")
    header = base64.b64encode(f":{token}".encode()).decode()
    assert httpx.get(f"{address}/account", headers={"Authorization": f"Basic {header}"}).status_code == 200


@pytest.mark.parametrize(
    "host", ["attacker.example", "127.0.0.1.attacker.example", "localhost.attacker.example:4012", "[::2]", "[", ""]
)
def test_other_host_names_are_misdirected(api, host):
    answer = api.client.get("/account", headers={"Host": host})
    assert (answer.status_code, answer.json()["id"]) == (421, "misdirected_request")


@pytest.mark.parametrize("host", ["localhost", "localhost:4012", "127.0.0.1", "[::1]:4012", "LOCALHOST"])
def test_loopback_names_are_served(api, host):
    api.get("/account", host=host)


def test_an_unknown_route_is_not_found(api):
    assert api.get("/nothing/here", 404)["id"] == "not_found"
    assert api.call("PUT", "/apps", 404).json()["id"] == "not_found"


def test_an_encoded_slash_is_part_of_a_name(api, app):
    problem = api.get(f"/apps/{app}/domains/https%3A%2F%2Fexample.com%2Fx", 404)
    assert problem["resource"] == "domain"
    assert "https://example.com/x" in problem["message"]


def test_a_long_request_id_is_fine_and_is_not_echoed(api):
    long = ",".join(["f47ac10b-58cc-4372-a567-0e02b2c3d479"] * 190)
    answer = api.call("GET", "/account", 200, headers={"Request-Id": long})
    assert len(answer.headers["request-id"]) == 36


@pytest.mark.parametrize("accept", ["application/vnd.heroku+json; version=3.sdk", "application/json", "*/*"])
def test_any_accept_header_means_version_3(api, accept):
    assert api.get("/account", accept=accept)["email"] == "somebody@twelve.localhost"


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'"x"'])
def test_a_body_that_is_no_object_is_refused(api, content):
    assert api.call("POST", "/apps", 422, content=content).json()["id"] == "invalid_params"


def test_a_huge_body_is_refused(api):
    assert "4 MiB" in api.call("POST", "/apps", 422, content=b" " * (5 << 20)).json()["message"]


def test_head_is_answered_without_a_body(api):
    answer = api.client.head("/account")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_defect_is_one_sentence(api, platform, monkeypatch, caplog):
    def broken(_self):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(type(platform.apps), "list", broken)
    problem = api.get("/apps", 500)
    assert problem["id"] == "internal_error"
    assert "secret detail" not in json.dumps(problem)
    assert "secret detail" in caplog.text


def test_a_full_disk_says_so(api, platform, monkeypatch):
    def full(_self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(platform.apps), "list", full)
    assert api.get("/apps", 507)["exit_code"] == 83


def test_a_connection_serves_many_requests(api, address):
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    for _ in range(3):
        connection.request("GET", "/account", headers={"Authorization": api.client.headers["authorization"]})
        assert connection.getresponse().read()
    connection.close()
