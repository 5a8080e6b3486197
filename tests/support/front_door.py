"""The real front door for tests: on a free port, in a directory of its own, ended afterwards."""

import contextlib
import http.client
import socket
import time

from twelve.infra.settings import Settings
from twelve.stages.logs.hub import LogHub
from twelve.stages.router.haproxy import HaproxyRouter


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def front_door(home, **options):
    """The router, its port and its log stream."""
    settings = Settings(home=home, router_port=free_port())
    settings.make_directories()
    hub = LogHub(history=100_000)
    router = HaproxyRouter(settings, hub, **options)
    router.start()
    try:
        yield router, settings.router_port, hub
    finally:
        router.stop()


def get(port, host, path="/", method="GET", timeout=20, **headers):
    """Status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, headers={"Host": host, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def eventually(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return found
