import os
import socket
from dataclasses import replace

import httpx
import pytest

from tests.contract.api.conftest import served
from twelve.core.errors import PortTaken
from twelve.faces.api.server import Server
from twelve.infra.settings import Settings

pytestmark = pytest.mark.integration


def test_status_has_every_process(api, deployed):
    status = api.get("/_twelve/status")
    assert status["version"] == api.platform.version
    roles = {process["name"]: process for process in status["processes"]}
    assert roles["server"]["pid"] == os.getpid()
    assert roles["postgres"]["pid"] > 1
    assert roles[f"{deployed}.web.1"]["role"] == "web"
    assert all(isinstance(process["pid"], int) for process in status["processes"])


def test_services_have_versions(api):
    services = {service["name"]: service for service in api.get("/_twelve/services")}
    assert services["postgres"]["version"].startswith("PostgreSQL 18")
    assert services["postgres"]["addon_service"] == "heroku-postgresql"


def test_a_taken_port_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port}, which the API listens on, is taken"):
            Server.bind(Settings(home="/nowhere", api_port=port))


def test_it_listens_on_loopback_alone(platform):
    server = Server.bind(replace(platform.settings, api_port=0))
    assert server._opened.getsockname()[0] == "127.0.0.1"
    server.close()


def test_a_restart_finds_its_port_free(platform):
    with served(platform) as address:
        port = int(address.rpartition(":")[2])
        httpx.get(f"{address}/account")
    Server.bind(replace(platform.settings, api_port=port)).close()
