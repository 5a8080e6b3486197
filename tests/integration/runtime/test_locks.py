"""One at a time, on a real PostgreSQL and a real Valkey: also when the holder is killed, or has lost the lock unseen."""

import os
import signal
import subprocess
import sys
import time

import pytest
from twelve_runtime import _locks
from twelve_runtime._locks import Busy, LockLost, only_one
from twelve_runtime.resources import postgres, redis

from tests.support.live import wait_for

pytestmark = pytest.mark.integration

HOLDER = """
import os, sys, time
from twelve_runtime import oneoff
from twelve_runtime.resources import postgres, redis
def main():
    place = {"postgres": postgres.connect(os.environ["URL"])} if sys.argv[1] == "postgres" else {"redis": redis.client(os.environ["URL"])}
    with oneoff.only_one("runtime test", **place):
        print("held", flush=True)
        time.sleep(float(sys.argv[2]))
oneoff.run(main)
"""


def held(kind, url, seconds):
    command = [sys.executable, "-c", HOLDER, kind, str(seconds)]
    return subprocess.Popen(
        command, env=os.environ | {"URL": url}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(params=["postgres", "redis"])
def place(request, database_url, redis_url, monkeypatch):
    """The kind, its URL, and what only_one takes."""
    monkeypatch.setattr(_locks, "LEASE", 1.5)
    if request.param == "redis":
        client = redis.client(redis_url)
        client.delete("twelve:only_one:runtime test")
        yield request.param, redis_url, {"redis": client}
        client.close()
        return
    with postgres.connect(database_url, autocommit=True) as connection:
        yield request.param, database_url, {"postgres": connection}


def test_the_second_ends_with_75_and_a_sentence(place):
    kind, url, other = place
    with only_one("runtime test", **other) as lock:
        lock.check()
        second = held(kind, url, 0)
        output, errors = second.communicate(timeout=20)
    assert (second.returncode, output) == (75, "")
    assert errors == '"runtime test" is being done by somebody else: try again when it has ended.\n'
    third = held(kind, url, 0)
    assert third.communicate(timeout=20)[0] == "held\n"
    assert third.returncode == 0


def test_who_waits_gets_it_when_the_holder_is_killed(place, monkeypatch):
    kind, url, other = place
    if kind == "redis":
        # The holder renews a lease of 30 s: what is tested here is a lease that runs out, so it is made short there too.
        monkeypatch.setattr(
            sys.modules[__name__],
            "HOLDER",
            HOLDER.replace("def main", "from twelve_runtime import _locks\n_locks.LEASE = 1.5\ndef main"),
        )
    holder = held(kind, url, 60)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(Busy), only_one("runtime test", **other):
        pass
    holder.send_signal(signal.SIGKILL)
    with only_one("runtime test", wait=15, **other) as lock:
        lock.check()
    holder.communicate()


def test_a_block_that_fails_frees_it(place):
    _, _, other = place
    with pytest.raises(ZeroDivisionError), only_one("runtime test", **other):
        raise ZeroDivisionError
    with only_one("runtime test", **other):
        pass


def test_a_failed_transaction_frees_it_too(database_url):
    with postgres.connect(database_url) as first, postgres.connect(database_url) as second:
        with pytest.raises(Exception, match="syntax error"), only_one("runtime tx", postgres=first):
            first.execute("selekt")
        with only_one("runtime tx", postgres=second):
            pass


def test_a_lost_lock_is_told(database_url, redis_url):
    with (
        postgres.connect(database_url, autocommit=True) as mine,
        postgres.connect(database_url, autocommit=True) as admin,
        only_one("runtime lost", postgres=mine) as lock,
    ):
        admin.execute("select pg_terminate_backend(%s)", (mine.info.backend_pid,))
        with pytest.raises(LockLost, match="cannot be checked"):
            wait_for(lock.check, "the lock is told lost", 10)
    client = redis.client(redis_url)
    with only_one("runtime lost", redis=client) as lock:
        lock.check()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_locks, "LEASE", 0.5)
        with only_one("runtime lost", redis=client) as lock:
            began = time.monotonic()
            while time.monotonic() - began < 1:  # renewed for longer than it lasts
                lock.check()
            client.set("twelve:only_one:runtime lost", "somebody else")
            with pytest.raises(LockLost):
                wait_for(lock.check, "the lock is told lost", 10)
        assert client.get("twelve:only_one:runtime lost") == "somebody else"
    client.delete("twelve:only_one:runtime lost")
