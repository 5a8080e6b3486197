import json
import threading
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.support.live import wait_for
from twelve.faces.api.attach import Waiting

pytestmark = pytest.mark.integration


def test_list_and_one(api, deployed):
    [dyno] = api.get(f"/apps/{deployed}/dynos")
    assert (dyno["name"], dyno["type"], dyno["state"], dyno["release"]["version"]) == ("web.1", "web", "up", 1)
    for ref in ("web.1", dyno["id"]):
        assert api.get(f"/apps/{deployed}/dynos/{ref}") == dyno
    assert api.get(f"/apps/{deployed}/dynos/web.9", 404)["resource"] == "dyno"


@pytest.mark.parametrize("path", ["dynos", "dynos/web.1", "formations/web"])
def test_restart(api, deployed, path):
    [before] = api.get(f"/apps/{deployed}/dynos")
    assert api.delete(f"/apps/{deployed}/{path}", 202) == {}
    wait_for(lambda: len(api.get(f"/apps/{deployed}/dynos")) == 1, "the old process's end")
    [after] = api.get(f"/apps/{deployed}/dynos")
    assert (after["name"], after["id"] != before["id"]) == ("web.1", True)


@pytest.mark.parametrize("path", ["dynos/web.9", "formations/nothing"])
def test_what_does_not_run_cannot_be_restarted_or_stopped(api, deployed, path):
    assert api.delete(f"/apps/{deployed}/{path}", 404)["id"] == "not_found"
    assert api.post(f"/apps/{deployed}/{path}/actions/stop", status=404)["id"] == "not_found"


def test_a_detached_one_off_is_stopped(api, deployed):
    made = api.post(f"/apps/{deployed}/dynos", {"command": "sleep 60", "env": {"COLUMNS": "80"}})
    assert (made["type"], made["attach_url"], made["command"]) == ("run", None, "sleep 60")
    assert api.get(f"/apps/{deployed}/dynos/{made['name']}")["id"] == made["id"]
    api.post(f"/apps/{deployed}/dynos/{made['name']}/actions/stop", status=202)
    assert api.get(f"/apps/{deployed}/dynos/{made['name']}", 404)


@pytest.mark.parametrize(
    "body", [{}, {"command": ""}, {"command": 7}, {"command": "x", "env": []}, {"command": "x", "env": {"A": {}}}]
)
def test_a_bad_one_off_is_refused(api, deployed, body):
    assert api.post(f"/apps/{deployed}/dynos", body, 422)["id"] == "invalid_params"


def test_nothing_runs_before_the_first_release(api, app):
    assert api.post(f"/apps/{app}/dynos", {"command": "true"}, 422)["exit_code"] == 60
    assert api.delete(f"/apps/{app}/dynos", 422)["exit_code"] == 60


def attached(api, app, command, **body):
    body = {"command": command, "attach": True, "force_no_tty": True, **body}
    made = api.lenient("POST", f"/apps/{app}/dynos", body, 201)
    assert made["attach_url"].startswith("ws://127.0.0.1:")
    return connect(made["attach_url"], subprotocols=["twelve-attach"])


def everything(socket):
    """All output, and the exit status."""
    output = b""
    for message in socket:
        if isinstance(message, str):
            return output, json.loads(message)["exit"]
        output += message
    raise AssertionError(f"no exit status after {output!r}")


def test_attached_output_and_exit_status(api, deployed):
    with attached(api, deployed, "echo out; echo err >&2; exit 7") as socket:
        assert socket.subprotocol == "twelve-attach"
        assert everything(socket) == (b"out\nerr\n", 7)


def test_attached_input(api, deployed):
    with attached(api, deployed, 'cat; echo "$GREETING"', env={"GREETING": "bye", "LINES": 40}) as socket:
        socket.send(b"one\n")
        assert socket.recv() == b"one\n"
        socket.send('{"resize": [132, 40]}')
        socket.send('{"eof": true}')
        assert everything(socket) == (b"bye\n", 0)
    assert api.platform.engine.attached[-1].size == (132, 40)


def test_unknown_controls_are_ignored(api, deployed):
    with attached(api, deployed, "cat") as socket:
        for text in ("{", '{"future": 1}', "[]", '{"resize": ["a"]}'):
            socket.send(text)
        socket.send('{"eof": true}')
        assert everything(socket) == (b"", 0)


def test_a_megabyte_each_way(api, deployed):
    data = bytes(range(256)) * 4096
    with attached(api, deployed, "cat") as socket:

        def feed():
            for start in range(0, len(data), 50_000):
                socket.send(data[start : start + 50_000])
            socket.send('{"eof": true}')

        feeder = threading.Thread(target=feed)
        feeder.start()
        assert everything(socket) == (data, 0)
        feeder.join()


def test_a_client_that_leaves_hangs_up(api, deployed):
    with attached(api, deployed, "sleep 300"):
        process = api.platform.engine.attached[-1]
    wait_for(lambda: process._child.poll() is not None, "the process's end", 5)


def test_the_address_is_good_for_one_client(api, deployed):
    made = api.post(f"/apps/{deployed}/dynos", {"command": "cat", "attach": True, "force_no_tty": True})
    with connect(made["attach_url"]) as socket:
        with pytest.raises((InvalidStatus, ConnectionClosed)), connect(made["attach_url"]) as second:
            second.recv()
        socket.send('{"eof": true}')
        assert everything(socket) == (b"", 0)


def test_who_never_comes_is_hung_up_on():
    class Process:
        gone = threading.Event()

        def hang_up(self):
            self.gone.set()

    waiting, process = Waiting(seconds=0.05), Process()
    secret = waiting.leave(process)
    assert process.gone.wait(5)
    assert waiting.fetch(secret) is None


@pytest.mark.parametrize("env", [{"COLUMNS": "wide"}, {"LINES": "-1"}, {"COLUMNS": "99999999"}])
def test_a_terminal_has_numbers_for_sides(api, deployed, env):
    body = {"command": "true", "attach": True, "env": env}
    assert "COLUMNS and LINES" in api.post(f"/apps/{deployed}/dynos", body, 422)["message"]


def test_attach_urls_are_no_way_in(api, address):
    with (
        pytest.raises((InvalidStatus, ConnectionClosed)),
        connect(f"ws://{urlsplit(address).netloc}/_attach/guess") as socket,
    ):
        socket.recv()
