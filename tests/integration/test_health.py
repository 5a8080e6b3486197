"""Readiness through the front door: who is not ready gets no requests, and requests wait while nobody is."""

import json

import pytest

from tests.support.live import running, wait_for

pytestmark = pytest.mark.integration

WEB = """
import http.server, os, threading

ready = True

def set_ready(now):
    global ready
    ready = now

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ["DYNO"].encode()
        self.send_response(503 if self.path == "/ready" and not ready else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if self.path.startswith("/rest/"):
            set_ready(False)
            threading.Timer(float(self.path[6:]), set_ready, [True]).start()

http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def platform(tmp_path_factory):
    with running(tmp_path_factory.mktemp("home")) as live:
        yield live


@pytest.fixture
def moody(tmp_path):
    app = tmp_path / "moody"
    app.mkdir()
    (app / "web.py").write_text(WEB)
    (app / "Procfile").write_text("web: python3 web.py\n")
    check = {"type": "readiness", "path": "/ready", "wait": 0.2, "attempts": 2}
    formation = {"web": {"quantity": 2}}
    (app / "app.json").write_text(json.dumps({"formation": formation, "healthchecks": {"web": [check]}}))
    return app


def said(platform, text):
    return platform.cli("logs", "--app", "moody", "--num", "1000").stdout.count(text)


def test_requests_go_to_those_that_are_ready_and_wait_while_nobody_is(platform, moody):
    platform.up(moody, "moody")
    away = platform.get("moody", "/rest/3600").body
    (other,) = {"web.1", "web.2"} - {away}
    wait_for(lambda: said(platform, "gets no requests: answered 503 to GET /ready") == 1, "a process that is not ready")
    assert {platform.get("moody").body for _ in range(20)} == {other}

    assert platform.get("moody", "/rest/5").body == other
    wait_for(lambda: said(platform, "so it gets no requests") == 2, "the other one")
    waited = platform.get("moody")
    assert (waited.status, waited.body) == (200, other)
    assert said(platform, "Readiness checks pass again") == 1
