import http.client
import socket
import threading
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.api.conftest import served
from tests.support.live import wait_for
from twelve.faces.api import log_sessions

pytestmark = pytest.mark.integration

EVENTS = {"Accept": "text/event-stream"}


def say(api, app, *texts, process="web.1"):
    for text in texts:
        api.platform.logs.publish(app, "app", process, datetime.now(UTC), text.encode())


def session(api, app, **wanted):
    made = api.post(f"/apps/{app}/log-sessions", wanted)
    return urlsplit(made["logplex_url"]).path


class Events:
    """Reads server-sent events in a thread of its own."""

    def __init__(self, address, path, **headers):
        self.ids, self.texts, self.pings = [], [], 0
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc)
        self._connection.request("GET", path, headers=EVENTS | headers)
        self._answer = self._connection.getresponse()
        self.status = self._answer.status
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        for line in self._answer:
            self._take(line.decode().rstrip("\n"))
        self._connection.close()

    def _take(self, line):
        kind, _, rest = line.partition(": ")
        if kind == "id":
            self.ids.append(rest)
        elif kind == "data":
            self.texts.append(rest.partition("]: ")[2])
        elif line.startswith(":"):
            self.pings += 1

    def close(self):
        if self._connection.sock:
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        assert self.ended()

    def ended(self):
        self._thread.join(5)
        return not self._thread.is_alive()


def test_the_last_lines_as_text(api, app, address):
    say(api, app, "one", "two", "three")
    answer = httpx.get(address + session(api, app, lines=2))
    lines = answer.text.splitlines()
    assert [line.partition(" app[web.1]: ")[2] for line in lines] == ["two", "three"]
    assert lines[0].partition(" ")[0].endswith("+00:00")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_last_lines_as_events(api, app, address):
    say(api, app, "one", "two")
    events = Events(address, session(api, app))
    assert events.ended()
    assert events.texts == ["one", "two"]
    assert len(set(events.ids)) == 2


@pytest.mark.parametrize("key", ["dyno", "dyno_name", "type"])
def test_of_one_process_or_type(api, app, address, key):
    say(api, app, "w", process="web.1")
    say(api, app, "x", process="worker.1")
    for name in ("worker", "worker.1"):
        text = httpx.get(address + session(api, app, **{key: name})).text
        assert text.rstrip().endswith("app[worker.1]: x")
        assert text.count("\n") == 1


def test_of_one_source(api, app, address):
    say(api, app, "mine")
    api.platform.logs.write(app, "router", "at=info")
    assert "mine" not in httpx.get(address + session(api, app, source="router")).text
    assert "at=info" not in httpx.get(address + session(api, app, source="app")).text


def test_a_tail_goes_on(api, app, address):
    say(api, app, "before")
    events = Events(address, session(api, app, tail=True))
    wait_for(lambda: events.texts == ["before"], "the backlog")
    say(api, app, "after", "ärger\r")
    wait_for(lambda: events.texts[1:] == ["after", "ärger"], "new lines")
    events.close()


def test_a_tail_as_text_goes_on(api, app, address):
    with httpx.stream("GET", address + session(api, app, tail=True, lines=0)) as answer:
        lines = answer.iter_lines()
        for text in ("one", "two"):
            say(api, app, text)
            assert next(lines).endswith(text)


def test_a_reconnecting_client_gets_neither_the_backlog_nor_a_gap(api, app, address):
    path = session(api, app, tail=True)
    say(api, app, "one", "two")
    first = Events(address, path)
    wait_for(lambda: len(first.texts) == 2, "the backlog")
    first.close()
    say(api, app, "three", "four")
    second = Events(address, path, **{"Last-Event-ID": first.ids[-1]})
    wait_for(lambda: second.texts == ["three", "four"], "what came meanwhile")
    second.close()


def test_a_quiet_tail_beats(api, app, address, monkeypatch):
    monkeypatch.setattr(log_sessions, "HEARTBEAT", 0.05)
    events = Events(address, session(api, app, tail=True))
    wait_for(lambda: events.pings > 2, "heartbeats")
    events.close()


def test_a_reader_that_left_is_forgotten(api, app, address):
    stream = api.platform.logs._stream(app)
    events = Events(address, session(api, app, tail=True))
    wait_for(lambda: stream.tails, "the reader")
    events.close()
    wait_for(lambda: not stream.tails, "its leaving")


def test_the_address_outlives_the_server_and_the_server_ends_its_readers(api, app, platform):
    with served(platform) as one:
        path = session(api, app, tail=True)
        events = Events(one, path)
    assert events.ended()
    with served(platform) as two:
        again = Events(two, path)
        say(api, app, "back")
        wait_for(lambda: "back" in again.texts, "a line")
    assert again.ended()


def test_the_end_of_an_app_ends_its_readers(api, app, address):
    path = session(api, app, tail=True)
    events = Events(address, path)
    api.delete(f"/apps/{app}")
    assert events.ended()
    assert Events(address, path).status == 404


def test_made_up_addresses_lead_nowhere(address):
    assert httpx.get(f"{address}/_logs/guess").status_code == 404


@pytest.mark.parametrize("body", [{"lines": "many"}, {"lines": -1}, {"source": 7}, {"dyno": []}])
def test_a_bad_session_is_refused(api, app, body):
    assert api.post(f"/apps/{app}/log-sessions", body, 422)["id"] == "invalid_params"


def test_a_hundred_tails_keep_nobody_from_reading(api, app, address):
    path = session(api, app, tail=True)
    tails = [Events(address, path) for _ in range(100)]
    assert api.get("/account")
    say(api, app, "to all")
    wait_for(lambda: all("to all" in tail.texts for tail in tails), "a line everywhere")
    for tail in tails:
        tail.close()
