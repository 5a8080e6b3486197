"""A message broker for apps on a real NATS server."""

import asyncio
import json
import os
import signal
import socket
from urllib.parse import urlsplit

import nats
import pytest
from nats.errors import TimeoutError as NothingCame

from twelve.stages.services.nats import NatsProvider

pytestmark = pytest.mark.integration


def url(services, details) -> str:
    return services["nats"].config("NATS", details)["NATS_URL"]


def connected(address: str, story):
    """Run `story(client)` on a connection that gives up at the first failure."""

    async def main():
        async def quiet(error):
            pass

        client = await nats.connect(address, allow_reconnect=False, max_reconnect_attempts=0, error_cb=quiet)
        try:
            return await story(client)
        finally:
            await client.close()

    return asyncio.run(main())


@pytest.fixture(scope="module")
def two(services):
    made = [services["nats"].create(f"nats-flat-{number}") for number in (1, 2)]
    yield made
    for details in made:
        services["nats"].destroy(details)
    assert services["nats"].processes() == []


async def stored(client) -> int:
    return (await client.jetstream().stream_info("events")).state.messages


def test_an_account_is_given_when_the_server_has_read_it_to_the_end(services, eventually):
    """Whoever is just connecting while it reads is refused, whatever the password."""
    details = services["nats"].create("nats-first-1")
    port = urlsplit(url(services, details)).port
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection, connection.makefile("rb") as answers:
        assert answers.readline().startswith(b"INFO ")
        eventually(lambda: b"Reloaded server configuration" in services.said["nats"])
        login = {"user": details["user"], "pass": details["password"], "verbose": False}
        connection.sendall(f"CONNECT {json.dumps(login)}\r\nPING\r\n".encode())
        assert answers.readline() == b"PONG\r\n"
    services["nats"].destroy(details)


def test_messages_outlive_a_killed_server(services, two, eventually):
    async def publish(client):
        stream = client.jetstream()
        await stream.add_stream(name="events", subjects=["events.>"])
        for number in range(100):
            await stream.publish("events.made", str(number).encode())

    connected(url(services, two[0]), publish)
    pid = services["nats"].processes()[0].pid
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: services["nats"]._accepts(two[0]["user"], two[0]["password"]), OSError, seconds=20)
    assert connected(url(services, two[0]), stored) == 100


def test_an_app_hears_no_other_app(services, two):
    async def listen(hearing):
        heard = await hearing.subscribe(">")
        await hearing.flush()
        speaking = await nats.connect(url(services, two[0]))
        await speaking.publish("events.secret", b"1")
        await speaking.drain()
        await speaking.close()
        with pytest.raises(NothingCame):
            await heard.next_msg(timeout=0.3)
        await hearing.publish("own", b"2")
        return (await heard.next_msg(timeout=2)).data

    assert connected(url(services, two[1]), listen) == b"2"


def test_nobody_gets_in_without_the_right_password(services, two):
    port = urlsplit(url(services, two[0])).port
    for login in ({"user": two[0]["user"], "pass": two[1]["password"]}, {}):
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as connection,
            connection.makefile("rb") as answers,
        ):
            connection.sendall(f"CONNECT {json.dumps(login)}\r\nPING\r\n".encode())
            assert answers.readline().startswith(b"INFO ")
            assert answers.readline() == b"-ERR 'Authorization Violation'\r\n"


def test_a_new_account_needs_no_restart(services, two):
    pid = services["nats"].processes()[0].pid
    details = services["nats"].create("nats-wide-1")
    assert services["nats"]._accepts(details["user"], details["password"])
    assert services["nats"].processes()[0].pid == pid
    services["nats"].destroy(details)
    assert not services["nats"]._accepts(details["user"], details["password"])
    assert services["nats"].processes()[0].pid == pid
    assert not (services.settings.data / "nats" / "jetstream" / details["user"]).exists()


def test_a_server_that_will_not_read_its_accounts_is_started_again(services, two, monkeypatch):
    pid = services["nats"].processes()[0].pid
    monkeypatch.setattr(services["nats"], "_has_reloaded", lambda: False)
    details = services["nats"].create("nats-stubborn-1")
    assert services["nats"].processes()[0].pid != pid
    monkeypatch.undo()
    assert services["nats"]._accepts(details["user"], details["password"])
    services["nats"].destroy(details)


def test_the_next_platform_adopts_the_server_and_forgets_nobody(services, two):
    pid = services["nats"].processes()[0].pid
    services["nats"].release()
    following = NatsProvider(services.settings, lambda component, chunk: None)
    following.ensure_running([two[0]])
    assert following.processes()[0].pid == pid
    assert following._accepts(two[1]["user"], two[1]["password"])
    following.release()
    services["nats"].ensure_running(two)


def test_its_configuration_is_readable_by_nobody_else(services, two):
    file = services.settings.run / "services" / "nats.conf"
    assert two[0]["password"] in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert services["nats"].keys("NATS") == {"NATS_URL"}
