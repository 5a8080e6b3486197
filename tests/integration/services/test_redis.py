"""Redis for apps on real Valkey servers."""

import os
import signal
from pathlib import Path

import pytest
import redis

from twelve.infra import procfs
from twelve.stages.services.redis import RedisProvider

pytestmark = pytest.mark.integration


def client(services, details) -> redis.Redis:
    return redis.Redis.from_url(services["redis"].config("REDIS", details)["REDIS_URL"])


def process(services, details):
    return next(found for found in services["redis"].processes() if found.name == details["instance"])


def test_an_app_uses_its_server_by_url(services, resource):
    details = resource("redis", "redis-round-11111")
    with client(services, details) as own:
        own.set("greeting", "hello")
        assert own.get("greeting") == b"hello"
        own.xadd("stream", {"a": "b"})
        assert own.eval("return 1 + 1", 0) == 2
        assert own.client_list()
    assert services["redis"].keys("REDIS") == set(services["redis"].config("REDIS", details))


def test_a_client_that_knows_no_user_names_gets_in_by_the_password(services, resource):
    """Many drivers of before ACLs send AUTH PASSWORD, whatever user the URL names."""
    details = resource("redis", "redis-flat-3")
    address = services["redis"].config("REDIS", details)["REDIS_URL"]
    with redis.Redis.from_url(address.replace("//default:", "//:")) as old:
        assert old.ping()


def test_two_apps_have_servers_of_their_own(services, resource):
    first, second = resource("redis", "redis-flat-1"), resource("redis", "redis-flat-2")
    address = services["redis"].config("REDIS", second)["REDIS_URL"]
    for wrong in (address.replace(second["password"], first["password"]), "redis://" + address.partition("@")[2]):
        with redis.Redis.from_url(wrong) as intruder, pytest.raises(redis.AuthenticationError):
            intruder.ping()


@pytest.mark.parametrize(
    "command", ["SHUTDOWN", "CONFIG SET dir /tmp", "ACL LIST", "REPLICAOF 127.0.0.1 1", "MODULE LIST"]
)
def test_an_app_may_not_administer_its_server(services, resource, command):
    details = resource("redis", "redis-square-1")
    with client(services, details) as own, pytest.raises(redis.ResponseError, match="no permissions"):
        own.execute_command(*command.split())


def test_what_was_acknowledged_outlives_a_killed_server(services, resource, eventually):
    details = resource("redis", "redis-tall-1")
    with client(services, details) as own:
        for number in range(500):
            own.set(f"key{number}", number)
        os.kill(process(services, details).pid, signal.SIGKILL)
        assert eventually(own.dbsize, redis.RedisError, seconds=20) == 500


def test_the_next_platform_adopts_running_servers_and_starts_ended_ones(services, resource, eventually):
    kept, ended = resource("redis", "redis-oval-1"), resource("redis", "redis-oval-2")
    with client(services, ended) as own:
        own.set("here", "still")
    pids = [process(services, each).pid for each in (kept, ended)]
    services["redis"].release()
    os.kill(pids[1], signal.SIGTERM)
    eventually(lambda: procfs.identity(pids[1]) is None)
    following = RedisProvider(services.settings, lambda component, chunk: None)
    following.ensure_running([kept, ended])
    found = {process.name: process.pid for process in following.processes()}
    assert found[kept["instance"]] == pids[0]
    assert found[ended["instance"]] != pids[1]
    with client(services, ended) as own:
        assert own.get("here") == b"still"
    following.release()
    services["redis"].ensure_running([kept, ended])


def test_nothing_is_left_of_a_destroyed_one(services):
    details = services["redis"].create("redis-wide-1")
    pid = process(services, details).pid
    services["redis"].destroy(details)
    assert not Path(f"/proc/{pid}/cwd").exists()
    assert not list(services.settings.home.rglob(f"*{details['instance']}*.conf"))
    assert not (services.settings.data / "redis" / details["instance"]).exists()


def test_its_secrets_are_readable_by_nobody_else(services, resource):
    details = resource("redis", "redis-cubic-1")
    found = process(services, details)
    shown = Path(f"/proc/{found.pid}/cmdline").read_bytes() + Path(f"/proc/{found.pid}/environ").read_bytes()
    assert details["password"].encode() not in shown
    configuration = services.settings.run / "services" / f"{details['instance']}.conf"
    assert details["password"] in configuration.read_text()
    assert configuration.stat().st_mode & 0o777 == 0o600
    assert services["redis"].version() == "Valkey 9.1.2"
