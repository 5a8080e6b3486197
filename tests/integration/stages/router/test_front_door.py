"""The real HAProxy with real connections: switches under load, holds, deaths, adoption, upgrades, streams, lines."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import threading
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.support.front_door import eventually, free_port, front_door, get
from tests.support.load import Load
from twelve.core.errors import PortTaken
from twelve.core.model import LogFilter
from twelve.core.ports import Backend
from twelve.infra.settings import Settings
from twelve.stages.logs.hub import LogHub
from twelve.stages.router.commands import info
from twelve.stages.router.haproxy import HaproxyRouter
from twelve.stages.router.succession import Sockets

pytestmark = pytest.mark.integration

HOST = "notes.localhost"
SWITCHING = (  # the answer to the key of RFC 6455's example, which HAProxy checks
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
ROUTED = LogFilter(source="router")


class App:
    """A tiny web process in a thread: /slow, /crash, /events, /headers, WebSocket upgrades; else its name."""

    def __init__(self, name="web.1", body=None):
        self.body = body or name
        self.requests = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._thread.start()
        assert self._ready.wait(5)
        self.backend = Backend(uuid4(), name, self.port)

    def die(self):
        """At once, with every connection: as a killed process does."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(5)

    async def _main(self):
        self._loop, self._end, self._connections = asyncio.get_running_loop(), asyncio.Event(), set()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        for writer in list(self._connections):
            writer.transport.abort()

    async def _serve(self, reader, writer):
        self._connections.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                path = head.split(" ")[1]
                self.requests.append(path)
                await self._answer(path, head, reader, writer)
        writer.close()
        self._connections.discard(writer)

    async def _answer(self, path, head, reader, writer):
        body = self.body
        if "upgrade: websocket" in head.lower():
            writer.write(SWITCHING)
            while data := await reader.read(100):
                writer.write(data)
            writer.close()
            return
        if path == "/crash":
            writer.close()
            return
        if path == "/events":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            for number in range(3):
                writer.write(f"data: {number}\n\n".encode())
                await asyncio.sleep(0.1)
            writer.close()
            return
        if path.startswith("/slow"):
            await asyncio.sleep(1 if body else 60)
        if path == "/headers":
            body = head
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    with front_door(tmp_path_factory.mktemp("home"), hold=4.0, first_byte_timeout=1.5) as (router, port, hub):
        yield router, port, hub


@pytest.fixture
def router(door):
    """The shared front door with the app `notes` on it, and nothing left of the test before."""
    router, _, hub = door
    hub.forget("notes")
    router.set_hosts("notes", [HOST])
    yield router
    router.forget("notes")


@pytest.fixture
def port(door):
    return door[1]


@pytest.fixture
def hub(door):
    return door[2]


@pytest.fixture
def start():
    apps = []

    def begin(name="web.1", body=None):
        apps.append(App(name, body))
        return apps[-1]

    yield begin
    for app in apps:
        app.die()


def lines(hub, count=1):
    """The app's router lines, once there are `count`."""
    eventually(lambda: len(hub.history("notes", 100_000, ROUTED)) >= count)
    return [line.text for line in hub.history("notes", 100_000, ROUTED)]


def connections_of(router):
    return int(info(router._admin.ask(["show info"])[0])["CurrConns"])


@pytest.mark.parametrize("keep_alive", [0, 8])
def test_switches_under_load_lose_nothing(router, port, start, keep_alive):
    current = start(body="0")
    router.switch("notes", [current.backend])
    with Load(port, HOST, rate=200, keep_alive=keep_alive) as load:
        for number in range(1, 6):
            eventually(lambda: load.outcome.bodies[current.body] >= 30)  # noqa: B023 - asked at once
            fresh = start(body=str(number))
            router.switch("notes", [fresh.backend], [current.backend.id])
            eventually(lambda: router.in_flight("notes", current.backend.id) == 0)  # noqa: B023
            current.die()
            router.remove("notes", current.backend.id)
            current = fresh
        eventually(lambda: load.outcome.bodies["5"] >= 30)
    assert load.failures == []
    assert set(load.outcome.bodies) == set("012345")


def test_a_drain_lets_slow_requests_finish(router, port, start):
    old, new = start(body="old"), start(body="new")
    router.switch("notes", [old.backend])
    with Load(port, HOST, rate=20, path="/slow") as load:
        eventually(lambda: len(old.requests) >= 10)
        router.switch("notes", [new.backend], [old.backend.id])
        assert router.in_flight("notes", old.backend.id) > 0
        eventually(lambda: router.in_flight("notes", old.backend.id) == 0)
        served = len(old.requests)
        old.die()
        router.remove("notes", old.backend.id)
    assert load.failures == []
    assert load.outcome.bodies["old"] == served
    assert load.outcome.bodies["new"] > 0


def test_the_log_line_of_a_namesake_has_the_name_only(router, port, hub, start):
    old, new = start(body="old"), start(body="new")
    router.switch("notes", [old.backend])
    router.switch("notes", [new.backend], [old.backend.id])
    assert get(port, f"{HOST}:{port}", "/x?y=1") == (200, "new")
    assert re.fullmatch(
        rf'at=info method=GET path="/x\?y=1" host={HOST} request_id=[0-9a-f-]{{36}} fwd="127.0.0.1" dyno=web.1 '
        r"connect=\dms service=\d+ms status=200 bytes=\d+ protocol=http1.1 tls=false",
        lines(hub)[0],
    )


SPOOFED = {
    "X-Request-Id": "a" * 20,
    "X-Request-Start": "1",
    "X-Forwarded-For": "1.2.3.4",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "1",
    "Via": "1.0 cache",
}


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("sent", [{}, SPOOFED], ids=["plain", "spoofed"])
def test_the_app_is_told_where_a_request_comes_from(router, port, start, sent, held):
    app = start()
    if held:
        router.set_mode("notes", "hold")
        threading.Timer(0.2, lambda: router.switch("notes", [app.backend])).start()
    else:
        router.switch("notes", [app.backend])
    _, head = get(port, HOST, "/headers", **sent)
    told = sorted(line.lower() for line in head.splitlines() if line.lower().startswith(("x-", "via")))
    [moment] = [line.partition(": ")[2] for line in told if line.startswith("x-request-start")]
    [request_id] = [line.partition(": ")[2] for line in told if line.startswith("x-request-id")]
    assert abs(int(moment) / 1000 - time.time()) < 60
    assert request_id == SPOOFED["X-Request-Id"] if sent else UUID(request_id)
    assert [line for line in told if not line.startswith("x-request")] == sorted(
        [
            "via: 1.1 twelve",
            "x-forwarded-for: 127.0.0.1",
            f"x-forwarded-port: {port}",
            "x-forwarded-proto: http",
            *(["via: 1.0 cache", "x-forwarded-for: 1.2.3.4"] if sent else []),
        ]
    )


def test_every_request_has_an_id_of_its_own_which_the_log_tells_too(router, port, hub, start):
    router.switch("notes", [start().backend])
    heads = [get(port, HOST, "/headers", **{"X-Request-Id": 'bad"one'})[1] for _ in range(20)]
    ids = [
        re.search(r"x-request-id: ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\r", head.lower())[1] for head in heads
    ]
    assert len(set(ids)) == 20
    assert [re.search(r"request_id=(\S+)", line)[1] for line in lines(hub, 20)] == ids


def test_a_held_request_is_served_once_a_process_is_ready(router, port, hub, start):
    router.set_mode("notes", "hold")
    with Load(port, HOST, rate=50) as load:
        eventually(lambda: load.sent >= 20)
        assert not load.outcome.bodies
        router.switch("notes", [start().backend])
        eventually(lambda: load.outcome.bodies["web.1"] >= 30)
    assert load.failures == []
    assert all("dyno=web.1" in line and "at=info" in line for line in lines(hub, load.sent))
    assert len(lines(hub)) == load.sent


def test_a_held_request_hears_of_the_crash(router, port, hub):
    router.set_mode("notes", "hold")
    with Load(port, HOST, rate=50) as load:
        eventually(lambda: load.sent >= 10)
        router.set_mode("notes", "crashed")
        eventually(lambda: load.failures)
    assert {failure.what for failure in load.failures} == {"status 503"}
    assert len(load.failures) == load.sent
    assert all('code=H10 desc="App crashed"' in line for line in lines(hub, load.sent))


def test_a_hold_ends_with_h20(router, port, hub):
    router.set_mode("notes", "hold")
    status, body = get(port, HOST)
    assert status == 503
    assert "H20" in body
    assert 'at=error code=H20 desc="App boot timeout"' in lines(hub)[0]


@pytest.mark.parametrize("linger", [None, b"\1\0\0\0\0\0\0\0"], ids=["closes", "resets"])
def test_a_client_that_leaves_while_it_is_held_is_told_of_once_and_at_once(router, port, hub, linger):
    router.set_mode("notes", "hold")
    before = connections_of(router)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"GET /held HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        eventually(lambda: connections_of(router) >= before + 2)  # the client's, and the one it is held on
        if linger:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    begun = time.monotonic()
    assert lines(hub)[0].startswith(
        f'at=warning code=H27 desc="Client Request Interrupted" sock=client method=GET path="/held" host={HOST} '
    )
    assert "dyno= connect= service= status=499 bytes= protocol=http1.1" in lines(hub)[0]
    eventually(lambda: connections_of(router) <= before)
    assert time.monotonic() - begun < 2  # and the hold is 4 s
    get(port, HOST)  # held to the end: by then a second line would have come
    assert [re.search(r"code=(\w+)", line)[1] for line in lines(hub, 2)] == ["H27", "H20"]


def test_a_request_on_its_way_when_the_last_process_dies_waits_for_the_next(router, port, start):
    old = start(body="old")
    router.switch("notes", [old.backend])
    router.set_mode("notes", "serving")
    old.die()
    with Load(port, HOST, rate=50) as load:  # refused, until the platform notices
        eventually(lambda: load.sent >= 10)
        router.remove("notes", old.backend.id)
        router.set_mode("notes", "hold")
        eventually(lambda: load.sent >= 20)
        router.switch("notes", [start(body="new").backend])
        eventually(lambda: load.outcome.bodies["new"] >= 30)
    assert load.failures == []


def test_one_of_two_dying_costs_no_request_that_can_be_repeated(router, port, start):
    both = [start("web.1"), start("web.2")]
    router.switch("notes", [app.backend for app in both])
    with Load(port, HOST, rate=100, path="/slow") as load:
        eventually(lambda: min(len(app.requests) for app in both) >= 20)
        both[0].die()
        router.remove("notes", both[0].backend.id)
        eventually(lambda: load.outcome.bodies["web.2"] >= 100)
    assert load.failures == []


@pytest.mark.parametrize(
    ("path", "method", "code", "desc"),
    [
        ("/slow-forever", "GET", "H12", "Request timeout"),
        ("/crash", "GET", "H13", "Connection closed without response"),
        ("/crash", "POST", "H13", "Connection closed without response"),
    ],
)
def test_a_process_that_fails_a_request(router, port, hub, start, path, method, code, desc):
    app = start()
    if code == "H12":
        app.body = None
    router.switch("notes", [app.backend])
    status, body = get(port, HOST, path, method)
    assert status == 503
    assert code in body
    assert f'at=error code={code} desc="{desc}" method={method} path="{path}"' in lines(hub)[0]
    assert re.search(r"dyno=web.1 connect=\dms service=\d+ms status=503 bytes=0 ", lines(hub)[0])
    if code == "H13":
        assert len(app.requests) == 1  # there is no other process to repeat it on


@pytest.mark.parametrize(("method", "takes"), [("GET", 4), ("POST", 1)])
def test_only_what_is_safe_is_repeated_on_another_process(router, port, start, method, takes):
    both = [start("web.1"), start("web.2")]
    router.switch("notes", [app.backend for app in both])
    assert get(port, HOST, "/crash", method)[0] == 503
    assert sum(len(app.requests) for app in both) == takes


def test_a_refusing_process_is_h21(router, port, hub):
    router.switch("notes", [Backend(uuid4(), "web.1", free_port())])
    assert get(port, HOST)[0] == 503
    assert 'code=H21 desc="Backend connection refused"' in lines(hub)[0]


def test_a_client_that_leaves_is_h27(router, port, hub, start):
    app = start()
    router.switch("notes", [app.backend])
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"GET /slow HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        eventually(lambda: app.requests)
    assert 'at=warning code=H27 desc="Client Request Interrupted" sock=client' in lines(hub)[0]
    assert "status=499" in lines(hub)[0]


@contextlib.contextmanager
def websocket(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert b" 101 " in client.recv(1000)
        yield client


def test_a_websocket_passes_and_survives_a_switch(router, port, hub, start):
    old, new = start(), start()
    router.switch("notes", [old.backend])
    with websocket(port) as client:
        router.switch("notes", [new.backend], [old.backend.id])
        client.sendall(b"still there?")
        assert client.recv(100) == b"still there?"
        assert router.in_flight("notes", old.backend.id) == 1
    eventually(lambda: router.in_flight("notes", old.backend.id) == 0)
    assert "at=info" in lines(hub)[0]
    assert "status=101" in lines(hub)[0]


def test_a_long_path_has_a_whole_line_and_an_endless_one_is_cut(router, port, hub, start):
    router.switch("notes", [start().backend])
    for length, shown in ((2500, 2500), (10_000, 3000)):
        hub.forget("notes")
        assert get(port, HOST, "/" + "x" * length)[0] == 200
        assert re.search(rf'path="/x{{{shown},}}" .* dyno=web.1 .* status=200 bytes=\d+ protocol=', lines(hub)[0])


def test_events_arrive_one_by_one(router, port, start):
    router.switch("notes", [start().backend])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(f"GET /events HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/event-stream\r\n\r\n".encode())
        received, moments = b"", []
        while b"data: 2" not in received:
            received += client.recv(1000)
            moments.append(time.monotonic())
    assert moments[-1] - moments[0] > 0.15


def test_a_killed_front_door_is_back_within_a_second_with_every_route(router, port, start):
    app = start()
    router.switch("notes", [app.backend])
    router.set_hosts("shop", ["shop.localhost"])
    router.set_mode("shop", "crashed")
    [process] = router.processes()
    begun = time.monotonic()
    os.kill(process.pid, signal.SIGKILL)
    eventually(lambda: served(port))
    assert time.monotonic() - begun < 1
    assert "H10" in get(port, "shop.localhost")[1]
    fresh = start(body="fresh")  # and it takes orders as before
    router.switch("notes", [fresh.backend], [app.backend.id])
    assert get(port, HOST) == (200, "fresh")
    router.remove("notes", app.backend.id)
    router.forget("shop")


def test_who_comes_while_the_front_door_is_down_waits_for_the_next(router, port, start):
    router.switch("notes", [start().backend])
    with Load(port, HOST, rate=200) as load:
        for _ in range(3):  # each gets the sockets of the one before
            there = load.sent
            eventually(lambda there=there: load.sent >= there + 50 and router._sockets)
            [before] = router.processes()
            os.kill(before.pid, signal.SIGKILL)
            eventually(lambda before=before: [one.pid for one in router.processes()] not in ([], [before.pid]))
        there = load.sent
        eventually(lambda: load.sent >= there + 50)
        load.stop()
    assert [one for one in load.failures if "refused" in one.what] == []
    assert len(load.failures) <= 9  # those that were in it when it was killed


def test_a_front_door_that_was_adopted_and_killed_is_waited_for_too(tmp_path, start):
    settings = Settings(home=tmp_path, router_port=free_port())
    settings.make_directories()
    first, second = HaproxyRouter(settings, LogHub()), HaproxyRouter(settings, LogHub())
    first.start()
    first.release()
    second.start()
    try:
        with second._daemon._lock:  # nobody begins another one yet
            os.kill(second.processes()[0].pid, signal.SIGKILL)
            eventually(lambda: not is_alive(second._daemon.pid))
            client = socket.create_connection(("127.0.0.1", settings.router_port), timeout=5)
        with client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 421")
    finally:
        second.stop()


def test_sockets_that_are_no_help_are_tried_once(router, port, monkeypatch, start):
    router.switch("notes", [start().backend])
    monkeypatch.setattr(Sockets, "offer", lambda self, _: self.close())
    os.kill(router.processes()[0].pid, signal.SIGKILL)
    eventually(lambda: served(port))


def test_what_we_start_inherits_none_of_its_sockets(router):
    kept = eventually(lambda: router._sockets)
    assert kept.descriptors()
    assert not any(os.get_inheritable(one) for one in kept.descriptors())


def served(port):
    with contextlib.suppress(OSError):
        return get(port, HOST) == (200, "web.1")
    return False


def test_an_order_given_while_the_front_door_is_down_is_carried_out(router, port, start):
    old, new = start(body="old"), start(body="new")
    router.switch("notes", [old.backend])
    os.kill(router.processes()[0].pid, signal.SIGKILL)
    router.switch("notes", [new.backend], [old.backend.id])
    assert get(port, HOST) == (200, "new")


def test_a_second_server_adopts_the_front_door(tmp_path, start):
    settings = Settings(home=tmp_path, router_port=free_port())
    settings.make_directories()
    first = HaproxyRouter(settings, LogHub())
    first.start()
    old, new = start(body="old"), start(body="new")
    first.set_hosts("notes", [HOST])
    first.switch("notes", [old.backend])
    first.set_mode("notes", "serving")
    [before] = first.processes()
    with Load(settings.router_port, HOST, rate=100) as load:
        eventually(lambda: load.outcome.bodies["old"] >= 10)
        first.release()
        second = HaproxyRouter(settings, LogHub())
        second.start()
        try:
            assert second.processes() == [before]
            assert second.routes() == first.routes()
            second.set_hosts("notes", [HOST])  # what a starting platform says of every app
            second.switch("notes", [old.backend])
            second.switch("notes", [new.backend], [old.backend.id])
            eventually(lambda: load.outcome.bodies["new"] >= 10)
            load.stop()
            assert load.failures == []
            second.apply({})
            assert get(settings.router_port, HOST)[0] == 421
        finally:
            second.stop()


@pytest.fixture
def upgraded(tmp_path, start):
    """A front door that serves an app, and what makes another server with other rules take it over."""
    settings = Settings(home=tmp_path, router_port=free_port())
    settings.make_directories()
    hub = LogHub(history=100_000)
    routers = [HaproxyRouter(settings, hub)]
    routers[0].start()
    routers[0].set_hosts("notes", [HOST])
    routers[0].switch("notes", [start().backend])
    routers[0].set_mode("notes", "serving")

    def upgrade(**options):
        routers[-1].release()
        routers.append(HaproxyRouter(settings, hub, hold=70, **options))
        routers[-1].start()
        return routers[-1]

    yield routers[0], settings.router_port, hub, upgrade
    routers[-1].stop()


@pytest.mark.parametrize(("path", "keep_alive"), [("/", 0), ("/", 16), ("/slow", 0)])
def test_an_upgrade_with_other_rules_loses_no_request_and_no_line(upgraded, path, keep_alive):
    first, port, hub, upgrade = upgraded
    [before] = first.processes()
    with Load(port, HOST, rate=100, path=path, keep_alive=keep_alive) as load:
        eventually(lambda: load.sent >= 50)
        second = upgrade()
        [after] = second.processes()
        there = load.sent
        eventually(lambda: load.sent >= there + 100)
        load.stop()
        assert load.failures == []
    assert after != before
    assert second.routes() == first.routes()
    eventually(lambda: len(hub.history("notes", 100_000, ROUTED)) >= load.sent)
    assert len(hub.history("notes", 100_000, ROUTED)) == load.sent
    eventually(lambda: not is_alive(before.pid))


def test_a_websocket_outlives_an_upgrade(upgraded):
    _, port, _, upgrade = upgraded
    with websocket(port) as client:
        upgrade(first_byte_timeout=1)
        client.sendall(b"still there?")
        assert client.recv(100) == b"still there?"


def test_where_the_new_one_cannot_take_over_it_is_started_after_the_old_one(upgraded, monkeypatch):
    first, port, _, upgrade = upgraded
    command = HaproxyRouter._command

    def without_its_sockets(router):
        return [*command(router), "-x", "/nowhere"] if router._daemon.pid else command(router)

    monkeypatch.setattr(HaproxyRouter, "_command", without_its_sockets)
    second = upgrade()
    assert second.processes() != first.processes()
    assert get(port, HOST) == (200, "web.1")


def is_alive(pid):
    return Path(f"/proc/{pid}").exists()


def test_a_taken_port_is_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = Settings(home=tmp_path, router_port=other.getsockname()[1])
        settings.make_directories()
        with pytest.raises(PortTaken, match=f"Port {settings.router_port} on 127.0.0.1 is taken by another program"):
            HaproxyRouter(settings, LogHub()).start()


def test_many_requests_lose_no_line(router, port, hub, start):
    router.switch("notes", [start().backend])
    with Load(port, HOST, rate=500, keep_alive=16) as load:
        eventually(lambda: load.sent >= 1000)
    assert load.failures == []
    eventually(lambda: len(hub.history("notes", 100_000, ROUTED)) >= load.sent)
    assert len(hub.history("notes", 100_000, ROUTED)) == load.sent


def test_ipv6_answers_too(router, port, start):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    router.switch("notes", [start().backend])
    with socket.create_connection(("::1", port), timeout=5) as client:
        client.sendall(f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
