"""Drains of a real app: every line it prints arrives, in order, over the end of one server and the start of the next."""

import re
import signal

import pytest

from tests.support.live import FIXTURES, running, wait_for
from tests.support.receivers import http_receiver, syslog_receiver

pytestmark = pytest.mark.integration

COUNTER = """\
import itertools, time
for number in itertools.count():
    print(f"beat {number}", flush=True)
    time.sleep(0.005)
"""


@pytest.fixture
def own(tmp_path):
    with running(tmp_path / "home") as platform:
        yield platform


@pytest.fixture
def counter(tmp_path):
    source = tmp_path / "counter"
    source.mkdir()
    (source / "Procfile").write_text("worker: python3 counter.py\n")
    (source / "app.json").write_text('{"formation": {"worker": {"quantity": 1}}}')
    (source / "counter.py").write_text(COUNTER)
    return source


def beats(receiver):
    return [int(text.split()[1]) for text in receiver.texts() if text.startswith(b"beat ")]


def latest_beat(own):
    shown = own.cli("logs", "-n", "1", "--ps", "worker", "--app", "counter").stdout
    return int(re.search(r"beat (\d+)", shown)[1])


def test_every_line_arrives_over_a_server_that_hands_over(own, counter):
    own.up(counter, "counter")
    with http_receiver() as https, syslog_receiver() as syslog:
        url = f"http://user:hush@127.0.0.1:{https.port}/"
        assert "hush" not in own.cli("drains", "add", "-", "--app", "counter", text=f"{url}\n").stdout
        own.cli("drains", "add", f"syslog://127.0.0.1:{syslog.port}", "--app", "counter")
        listed = own.json("drains", "list", "--app", "counter")
        assert [drain["url"] for drain in listed] == [
            f"http://***@127.0.0.1:{https.port}/",
            f"syslog://127.0.0.1:{syslog.port}",
        ]
        wait_for(lambda: len(beats(https)) > 100 and len(beats(syslog)) > 100, "lines")
        own.kill_server(signal.SIGHUP)
        before = beats(https)[-1]
        own.up(FIXTURES / "workeronly", "another")
        wait_for(
            lambda: beats(https)[-1] > before + 100 and beats(syslog)[-1] > before + 100, "lines of the next server"
        )
        own.cli("drains", "remove", url, "--app", "counter")
        own.cli("drains", "remove", listed[1]["token"], "--app", "counter")
        assert own.json("drains", "list", "--app", "counter") == []
        for receiver in (https, syslog):
            numbers = beats(receiver)
            assert numbers == list(range(numbers[0], numbers[-1] + 1))
            assert not [line for line in receiver.lines() if b"L10" in line]
        assert {one.headers["logplex-drain-token"] for one in https.delivered} == {listed[0]["token"]}
        end = beats(https)[-1]
        wait_for(lambda: latest_beat(own) > end, "a line that is not drained")
        assert beats(https)[-1] == end
    assert "hush" not in own.cli("logs", "-n", "1500", "--app", "counter").stdout


def test_a_killed_servers_drains_go_on_and_the_last_lines_of_a_platform_arrive(own, counter):
    own.up(counter, "counter")
    with http_receiver() as receiver:
        own.cli("drains", "add", f"http://127.0.0.1:{receiver.port}/", "--app", "counter")
        wait_for(lambda: len(beats(receiver)) > 20, "lines")
        own.kill_server(signal.SIGKILL)
        before = beats(receiver)[-1]
        own.up(FIXTURES / "workeronly", "another")
        wait_for(lambda: beats(receiver)[-1] > before + 20, "lines of the next server")
        numbers = beats(receiver)
        assert numbers == sorted(set(numbers))
        own.down()
        assert any(b"host heroku worker.1 - " in line and b"Stopping" in line for line in receiver.lines()[-20:])
