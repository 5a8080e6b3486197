"""The real API server on a platform with a real database, real stores and the real flow; every test is a contract test."""

import io
import json
import tarfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.api import schema
from tests.contract.api.memory import MemoryEngine, MemoryRouter, ProcfileBuilder
from tests.support.live import wait_for
from twelve import __version__
from twelve.faces.api import auth
from twelve.faces.api.server import Server
from twelve.flow.keep import Keeper
from twelve.flow.keep_drains import DrainKeeper
from twelve.flow.outputs import Outputs
from twelve.flow.platform import Platform
from twelve.infra.database import Database
from twelve.infra.sealing import AesGcmSealer
from twelve.infra.settings import Settings
from twelve.stages.build.store import Builds, Slugs
from twelve.stages.config.store import ConfigStore
from twelve.stages.logs.drains.store import Drains
from twelve.stages.logs.hub import LogHub
from twelve.stages.metrics.units.store import Units
from twelve.stages.models.aliases import Aliases
from twelve.stages.release.rollouts import Rollouts
from twelve.stages.release.store import Releases
from twelve.stages.run.formation import Formations
from twelve.stages.run.retrainings import Retrainings
from twelve.stages.run.schedules import Schedules
from twelve.stages.services.postgres import PostgresProvider
from twelve.stages.services.postgres_server import PostgresServer
from twelve.stages.services.store import Attachments, Resources
from twelve.stages.services.url import UrlProvider
from twelve.stages.source.apps import Apps


@pytest.fixture(scope="session")
def platform(tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("home"), api_port=0)
    settings.make_directories()
    server = PostgresServer(settings, lambda _name, _chunk: None)
    server.ensure()
    database = Database(server.platform_url())
    try:
        database.migrate()
        yield assembled(settings, database, server)
    finally:
        database.close()
        server.stop()


def assembled(settings, database, server):
    sealer, engine, router = AesGcmSealer(b"secret"), MemoryEngine(), MemoryRouter()
    logs = LogHub()
    apps, formations, slugs, builds = Apps(database), Formations(database), Slugs(database), Builds(database)
    return Platform(
        settings=settings,
        database=database,
        apps=apps,
        config=ConfigStore(database, sealer),
        slugs=slugs,
        builds=builds,
        builder=ProcfileBuilder(slugs),
        resources=Resources(database, sealer),
        attachments=Attachments(database),
        providers={"postgres": PostgresProvider(server), "url": UrlProvider()},
        releases=Releases(database, sealer),
        rollouts=Rollouts(database),
        units=Units(database),
        aliases=Aliases(database),
        formations=formations,
        schedules=Schedules(database),
        retrainings=Retrainings(database),
        engine=engine,
        router=router,
        logs=logs,
        drains=Drains(database, sealer),
        drain_keeper=DrainKeeper(logs, __version__),
        outputs=Outputs(builds.output),
        keeper=Keeper(engine, router, apps.get, formations.list),
        user="somebody@twelve.localhost",
        version=__version__,
    )


@contextmanager
def served(platform):
    """The address of a server in a thread of its own."""
    server, listening = Server.bind(platform.settings), threading.Event()
    thread = threading.Thread(target=server.serve, args=[platform], kwargs={"on_listening": listening.set})
    thread.start()
    token = auth.load_token(platform.settings)
    address = f"http://127.0.0.1:{server.port}"
    try:
        assert listening.wait(10)
        yield address
    finally:
        httpx.post(f"{address}/_twelve/shutdown", headers={"Authorization": f"Bearer {token}"})
        thread.join(15)
        server.close()
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def address(platform):
    with served(platform) as found:
        yield found


@pytest.fixture(scope="session")
def contract():
    """None where the published schema is not at hand: then the tests judge alone."""
    return schema.load()


@pytest.fixture(scope="session")
def api(address, platform, contract):
    def judge(response):
        check_headers(response)
        if response.request.method == "HEAD" or not response.headers.get("content-type", "").startswith(
            "application/json"
        ):
            return
        response.read()
        if response.is_error:
            assert {"id", "message"} <= response.json().keys()
        elif contract is not None:
            request = response.request
            body = json.loads(request.content) if request.content else {}
            path = request.url.raw_path.decode().partition("?")[0]
            contract.check(request.method, path, None if LENIENT in request.headers else body, response.json())

    token = auth.load_token(platform.settings)
    hooks = {"response": [judge]}
    with httpx.Client(
        base_url=address, headers={"Authorization": f"Bearer {token}"}, event_hooks=hooks, timeout=30
    ) as client:
        yield Api(client, platform)


LENIENT = "x-lenient"  # on requests as clients in the field send them, which the schema would refuse


def check_headers(response):
    assert len(response.headers.get_list("request-id")) == 1
    assert int(response.headers["ratelimit-remaining"]) > 0
    assert "no-store" in response.headers["cache-control"]


@dataclass
class Api:
    client: httpx.Client
    platform: Platform

    def lenient(self, method: str, path: str, body: object, status: int = 200) -> Any:
        """As clients in the field write it, though not as the schema does."""
        return self.call(method, path, status, json=body, headers={LENIENT: "1"}).json()

    def get(self, path: str, status: int = 200, **headers: str) -> Any:
        return self.call("GET", path, status, headers=headers).json()

    def post(self, path: str, body: object = None, status: int = 201, **headers: str) -> Any:
        return self.call("POST", path, status, json={} if body is None else body, headers=headers).json()

    def patch(self, path: str, body: object, status: int = 200) -> Any:
        return self.call("PATCH", path, status, json=body).json()

    def delete(self, path: str, status: int = 200) -> Any:
        return self.call("DELETE", path, status).json()

    def call(self, method: str, path: str, status: int, **options: Any) -> httpx.Response:
        response = self.client.request(method, path, **options)
        assert response.status_code == status, f"{method} {path}: {response.status_code} {response.text}"
        return response

    def upload(self, **files: str) -> str:
        """The get_url of an uploaded source with these files; `Procfile="web: true"`."""
        blob = self.post("/sources")["source_blob"]
        self.call("PUT", urlsplit(blob["put_url"]).path, 200, content=tarball(files))
        return blob["get_url"]

    def deploy(self, app: str, procfile: str = "web: serve\nworker: work\n", **body: object) -> Any:
        """The build, finished."""
        made = self.post(f"/apps/{app}/builds", {"source_blob": {"url": self.upload(Procfile=procfile)}, **body})
        self.client.get(made["output_stream_url"]).raise_for_status()
        return self.get(f"/apps/{app}/builds/{made['id']}")


def tarball(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


_names = iter(range(1, 10_000))


@pytest.fixture
def app(api):
    """The name of a new app."""
    return api.post("/apps", {"name": f"app-{next(_names)}"})["name"]


@pytest.fixture
def deployed(api, app):
    """The name of an app with one release that serves."""
    assert api.deploy(app)["status"] == "succeeded"
    wait_for(lambda: api.get(f"/apps/{app}/dynos"), "its processes")
    return app
