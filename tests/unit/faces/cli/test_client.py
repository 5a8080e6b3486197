"""The client against a real HTTP server of a few lines."""

import contextlib
import io
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from twelve.core import errors
from twelve.faces.cli.client import Client, local_path, segment
from twelve.infra.settings import Settings

TOLD_AS_THEY_ARE = set(errors.all_errors().values()) - {errors.Unauthorized}


class Handler(BaseHTTPRequestHandler):
    """Answers from the table of its server, and keeps what it was asked."""

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        status, headers, data = self.server.answers[self.path].pop(0)
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815 - http.server's names

    def log_message(self, *_):
        pass


class Server:
    def __init__(self, tmp_path):
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.answers = {}
        self.http.asked = []
        (tmp_path / "token").write_text("the-token\n")
        self.client = Client(Settings(home=tmp_path, api_port=self.http.server_port))

    def will_answer(self, path, status, document, **headers):
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.http.answers.setdefault(path, []).append((status, headers, data))

    @property
    def asked(self):
        return self.http.asked


@pytest.fixture
def server(tmp_path):
    serving = Server(tmp_path)
    thread = threading.Thread(target=serving.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield serving
    serving.http.shutdown()
    thread.join()
    serving.http.server_close()


def test_the_token_goes_along(server):
    server.will_answer("/apps", 200, [])
    assert server.client.get("/apps") == []
    [(method, path, headers, _)] = server.asked
    assert (method, path, headers["Authorization"]) == ("GET", "/apps", "Bearer the-token")


@pytest.mark.parametrize("kind", sorted(TOLD_AS_THEY_ARE, key=lambda kind: kind.exit_code), ids=lambda kind: kind.id)
def test_an_answer_becomes_the_error_it_was(server, kind):
    fields = {
        "id": kind.id,
        "message": "It went wrong.",
        "hint": "Do better.",
        "exit_code": kind.exit_code,
        "log": ["a", "b"],
    }
    server.will_answer("/x", kind.http_status, fields | {"resource": "app"})
    with pytest.raises(errors.TwelveError) as raised:
        server.client.post("/x", {"a": 1})
    error = raised.value
    assert (type(error), error.exit_code, str(error)) == (kind, kind.exit_code, "It went wrong. Do better.")
    assert (error.log, error.resource) == (("a", "b"), "app")


def test_an_error_of_a_newer_server_keeps_its_exit_code(server):
    server.will_answer("/x", 422, {"id": "something_new", "message": "New.", "exit_code": 99})
    with pytest.raises(errors.TwelveError) as raised:
        server.client.get("/x")
    assert (raised.value.exit_code, raised.value.message) == (99, "New.")


def test_another_token_is_told_as_another_twelve(server):
    server.will_answer("/x", 401, {"id": "unauthorized", "message": "Invalid credentials provided."})
    with pytest.raises(errors.Unauthorized, match="TWELVE_HOME"):
        server.client.get("/x")


def test_a_foreign_server_on_our_port_is_recognised(server):
    server.will_answer("/x", 404, b"<html>nothing here</html>")
    with pytest.raises(errors.PortTaken, match="other than twelve"):
        server.client.get("/x")


def test_nobody_there(tmp_path):
    (tmp_path / "token").write_text("t")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = Client(Settings(home=tmp_path, api_port=listener.getsockname()[1]))
    with pytest.raises(errors.ServerUnreachable, match="twelve up"):
        client.get("/apps")
    assert not client.is_running()


def test_no_token_means_never_started(tmp_path):
    with pytest.raises(errors.ServerUnreachable, match="not running"):
        Client(Settings(home=tmp_path / "nowhere")).get("/apps")


def test_a_list_is_all_its_pages(server):
    server.will_answer("/apps", 206, [{"name": "a"}], **{"Next-Range": "id ]1..; max=1"})
    server.will_answer("/apps", 200, [{"name": "b"}])
    assert server.client.list("/apps") == [{"name": "a"}, {"name": "b"}]
    assert server.asked[1][2]["Range"] == "id ]1..; max=1"


def test_an_upload_is_sent_whole(server):
    server.will_answer("/_sources/secret?x=1", 200, b"")
    url = "https://elsewhere.example/_sources/secret?x=1"
    server.client.upload(url, io.BytesIO(b"x" * 100_000), 100_000)
    [(method, _, _, body)] = server.asked
    assert (method, len(body)) == ("PUT", 100_000)


def test_lines_and_chunks(server):
    for _ in range(2):
        server.will_answer("/_logs/s", 200, "one\ntwö\n".encode())
    assert list(server.client.lines("http://127.0.0.1:1/_logs/s")) == ["one", "twö"]
    assert b"".join(server.client.stream("http://127.0.0.1:1/_logs/s")) == "one\ntwö\n".encode()


def test_a_warning_of_the_server_is_told(server, capsys):
    server.will_answer("/x", 200, {}, **{"x-heroku-warning": "PORT is ours."})
    server.client.get("/x")
    assert "PORT is ours." in capsys.readouterr().err


def test_a_connection_that_breaks_is_no_traceback(tmp_path):
    (tmp_path / "token").write_text("t")
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def accept_and_leave():
            listener.accept()[0].close()

        thread = threading.Thread(target=accept_and_leave)
        thread.start()
        with pytest.raises(errors.ServerUnreachable):
            Client(Settings(home=tmp_path, api_port=listener.getsockname()[1])).get("/x")
        thread.join()


def test_paths():
    assert local_path("http://127.0.0.1:4012/a/b?c=d") == "/a/b?c=d"
    assert segment("a/b c") == "a%2Fb%20c"
