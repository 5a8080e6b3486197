"""Leases, the same for both stores: one holder at a time, fenced; what a crash leaves is what was chosen."""

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import psycopg_pool
import pytest
import redis
import valkey
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from twelve_runtime import idempotency
from twelve_runtime.idempotency import Busy, Conflict, Leases, Lost, PostgresStore, RedisStore, Unknown
from twelve_runtime.idempotency.machine import Done, Mismatch, Replay, Running, Take, Uncertain, Wait, claim, held

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def places(database_url, redis_url):
    with psycopg.connect(database_url) as connection:
        idempotency.create(connection)
    client = redis.Redis.from_url(redis_url)
    # Few, for it keeps them: the processes that are killed have connections of their own, and a role has 20 at most.
    with psycopg_pool.ConnectionPool(database_url, min_size=1, max_size=4, open=True) as pool, client:
        yield {"postgres": PostgresStore(pool.connection), "redis": RedisStore(client)}


@pytest.fixture(params=["postgres", "redis"])
def kind(request):
    return request.param


@pytest.fixture
def store(places, kind):
    return places[kind]


@pytest.fixture
def leases(store):
    def made(crashed="retry", **how):
        return Leases(store, crashed=crashed, **{"lease": 5.0, "wait": 5.0} | how)

    return made


@pytest.fixture
def key(request, kind):
    return f"{request.node.name}-{time.monotonic_ns()}"


def test_the_first_does_it_and_the_others_get_its_answer_byte_for_byte(leases, key):
    answer = bytes(range(256)) * 5
    with leases().once(key) as first:
        assert (first.first, first.again) == (True, False)
        first.answer = answer
    with leases().once(key) as second:
        assert (second.first, second.answer) == (False, answer)


def test_an_empty_answer_is_an_answer(leases, key):
    with leases().once(key):
        pass
    with leases().once(key) as second:
        assert (second.first, second.answer) == (False, b"")


def test_another_request_under_the_same_key_is_a_conflict_also_while_the_first_works(leases, key):
    with leases().once(key, fingerprint="one"), pytest.raises(Conflict), leases().once(key, fingerprint="two"):
        pass
    with pytest.raises(Conflict), leases().once(key, fingerprint="two"):
        pass


def test_duplicates_wait_or_are_told_that_it_is_busy(leases, key):
    with leases().once(key) as first:
        with pytest.raises(Busy), leases(wait=0.1).once(key):
            pass
        got = []

        def duplicate():
            with leases().once(key) as second:
                got.append((second.first, second.answer))

        thread = threading.Thread(target=duplicate)
        thread.start()
        first.answer = b"first's"
    thread.join(10)
    assert got == [(False, b"first's")]


def test_a_failure_frees_the_key_or_leaves_it_uncertain_as_chosen(leases, key):
    def fail(crashed, suffix, error, **how):
        with contextlib.suppress(type(error)), leases(crashed, **how).once(key + suffix):
            raise error

    fail("retry", "r", OSError())
    with leases("retry").once(key + "r") as effect:
        assert (effect.first, effect.again) == (True, False)
    fail("unknown", "u", OSError())
    with pytest.raises(Unknown, match="vanished"), leases("unknown").once(key + "u"):
        pass
    fail("unknown", "h", ConnectionRefusedError(), harmless=(ConnectionRefusedError,))
    with leases("unknown").once(key + "h") as effect:
        assert effect.first


def test_a_person_decides_about_an_uncertain_key(leases, store, key):
    keys = leases("unknown")
    for suffix in ("yes", "no"):
        with contextlib.suppress(OSError), keys.once(key + suffix):
            raise OSError
    assert {key + "yes", key + "no"} <= set(keys.uncertain(1000))
    assert len(keys.uncertain(1)) == 1
    assert keys.resolve(key + "yes", {"paid": True})
    assert keys.forget(key + "no")
    with keys.once(key + "yes") as effect:
        assert (effect.first, json.loads(effect.answer)) == (False, {"paid": True})
    with keys.once(key + "no") as effect:
        assert effect.first
        assert not keys.forget(key + "no")  # somebody is at it: nothing to decide
    assert not keys.resolve(key + "never", None)
    assert not {key + "yes", key + "no"} & set(keys.uncertain(1000))


def test_a_lease_is_renewed_while_its_holder_lives(leases, key):
    with leases(lease=0.9).once(key) as first:
        time.sleep(2.0)  # more than two leases long
        with pytest.raises(Busy), leases(wait=0).once(key):
            pass
        first.answer = b"late"
    with leases().once(key) as second:
        assert second.answer == b"late"


def test_a_holder_that_lost_its_lease_cannot_write_and_hears_of_it(leases, store, key, eventually):
    def stall():
        with leases(lease=3.0).once(key) as stalled:
            # Standing still as a whole, heart included: as a machine that was suspended.
            store.renew(key, stalled.token, 0.0)
            with leases("retry").once(key) as heir:
                assert (heir.first, heir.again, heir.token > stalled.token) == (True, True, True)
                eventually(lambda: stalled.lost)
                heir.answer = b"heir's"

    with pytest.raises(Lost, match="ran out"):
        stall()
    with leases().once(key) as third:
        assert third.answer == b"heir's"


def test_an_answer_that_was_kept_may_be_said_again(store, key):
    """A driver repeats what it has no acknowledgement of."""
    _, token = store.claim(key, "f", 5, "retry")
    assert store.finish(key, token, b"a", 60)
    assert store.finish(key, token, b"a", 60)
    assert not store.finish(key, token - 1, b"b", 60)
    assert not store.release(key, token)
    assert not store.renew(key, token, 5)


def test_after_its_expiry_a_key_is_as_new(leases, key):
    for print_ in ("one", "two"):
        with leases(expires=0.05).once(key, fingerprint=print_) as effect:
            assert effect.first
        time.sleep(0.06)


def test_many_threads_at_once_make_one_effect_each(leases, key):
    done, answers, keys = [], [], leases(wait=30)

    @keys.effect(lambda number: f"{key}-{number}")
    def effect(number):
        done.append(number)
        return [number, threading.get_ident()]

    def hammer():
        answers.extend((number, tuple(effect(number))) for number in range(10))

    threads = [threading.Thread(target=hammer) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == list(range(10))
    assert (len(answers), len(set(answers))) == (120, 10)


def test_async_duplicates_wait_without_holding_threads(leases, key):
    keys, done = leases(wait=20), []

    @keys.effect(lambda: key)
    async def effect():
        await asyncio.sleep(0.1)
        done.append(1)
        return {"at": time.monotonic()}

    async def many():
        return await asyncio.gather(*[effect() for _ in range(60)])

    answers = asyncio.run(many())
    assert (len(done), len({str(answer) for answer in answers})) == (1, 1)


# What happens at somebody else's is written to a file: it knows nothing of keys, as a mail server does not.
VICTIMS = """
import json, os, signal, sys
import psycopg, redis
from twelve_runtime.idempotency import Leases, PostgresStore, RedisStore

kind, url = sys.argv[1:]

class Store(PostgresStore if kind == "postgres" else RedisStore):
    point = ""

    def at(self, name):
        if name == self.point:
            os.kill(os.getpid(), signal.SIGKILL)

    def claim(self, *args):
        self.at("before claim")
        answer = super().claim(*args)
        self.at("after claim")
        return answer

    def finish(self, *args):
        self.at("before finish")
        answer = super().finish(*args)
        self.at("after finish")
        return answer

def work(key, crashed, point, file, lease=0.5):
    store = Store((lambda: psycopg.connect(url)) if kind == "postgres" else redis.Redis.from_url(url))
    store.point = point
    with Leases(store, crashed=crashed, lease=lease, wait=30).once(key) as effect:
        if effect.first:
            store.at("before effect")
            with open(file, "a") as outside:
                outside.write(f"{effect.token}\\n")
            store.at("after effect")
            effect.answer = b"done"
    assert effect.answer == b"done"

children = []
for line in sys.stdin:
    children.append(os.fork())
    if not children[-1]:
        work(*json.loads(line))
        os._exit(0)
print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]))
"""
POINTS = ["before claim", "after claim", "before effect", "after effect", "before finish", "after finish"]


@pytest.fixture
def victims(kind, database_url, redis_url):
    """Runs processes at once, each killed at its point; gives how they ended."""

    def run(rows):
        url = database_url if kind == "postgres" else redis_url
        told = "".join(json.dumps(row) + "\n" for row in rows)
        command = [sys.executable, "-c", VICTIMS, kind, url]
        ran = subprocess.run(command, input=told, capture_output=True, text=True, timeout=60, check=False)
        assert ran.stderr == ""
        return json.loads(ran.stdout)

    return run


@pytest.mark.parametrize("crashed", ["retry", "unknown"])
def test_killed_at_each_point_what_follows_is_what_was_chosen(victims, leases, key, tmp_path, crashed):
    rows = [(f"{key}-{point}", crashed, point, str(tmp_path / point)) for point in POINTS]
    assert victims(rows) == [-signal.SIGKILL] * len(rows)
    for number, (name, _, _, file) in enumerate(rows):
        _follows(leases(crashed), name, number, file)


def _follows(keys, name, point, file):
    happened = Path(file).read_text().split() if Path(file).exists() else []
    assert len(happened) == (point > 2)
    begun, finished = 0 < point < 5, point == 5
    if begun and keys.crashed == "unknown":
        with pytest.raises(Unknown), keys.once(name):
            pass
        return
    with keys.once(name) as effect:
        assert (effect.first, effect.again, effect.answer) == (not finished, begun, b"done" if finished else b"")
        if not finished:
            # A receiver that refuses tokens below the highest it saw lets us in, and nobody from before.
            assert all(effect.token > int(token) for token in happened)


def test_many_processes_that_are_killed_at_random_leave_one_answer(victims, key, tmp_path):
    outside = tmp_path / "outside"
    points = ["after claim", "before finish", "none", "none", "none"]
    ended = victims([(key, "retry", point, str(outside), 1.2) for point in points])
    assert ended[-3:] == [0, 0, 0]
    tokens = [int(line) for line in outside.read_text().split()]
    assert 1 <= len(tokens) <= ended.count(-signal.SIGKILL) + 1  # one for each that vanished, one that counts
    assert tokens == sorted(set(tokens))


class Against(RuleBasedStateMachine):
    """A real store, step by step beside the pure machine. Leases are so long or so over that no clock decides."""

    store, prefix, number = None, "", 0

    def __init__(self):
        super().__init__()
        type(self).number += 1
        self.key = f"{self.prefix}-{self.number}"
        self.record, self.tokens = None, []

    @rule(fingerprint=st.sampled_from(["f", "f", "g"]), crashed=st.sampled_from(["retry", "unknown"]))
    def claims(self, fingerprint, crashed):
        verdict, token = self.store.claim(self.key, fingerprint, 1000.0, crashed)
        expected = claim(self.record, fingerprint, 0.0, crashed)
        if isinstance(expected, Wait):
            assert isinstance(verdict, Wait)
            assert 900 < verdict.seconds <= 1000
            return
        assert verdict == expected
        assert isinstance(verdict, Take | Replay | Mismatch | Uncertain)
        if isinstance(verdict, Take):
            assert token > max(self.tokens, default=0)
            self.tokens.append(token)
            self.record = Running(token, fingerprint, 1000.0)

    @precondition(lambda self: self.tokens)
    @rule(data=st.data(), how=st.sampled_from(["finish", "release", "renew", "lapse"]), answer=st.binary(max_size=50))
    def acts(self, data, how, answer):
        token = data.draw(st.sampled_from(self.tokens))
        ours = held(self.record, token)
        if how == "finish":
            again = isinstance(self.record, Done) and self.record.token == token
            assert self.store.finish(self.key, token, answer, 1000.0) == (ours or again)
            self.record = Done(token, self.record.fingerprint, answer, 1000.0) if ours else self.record
        elif how == "release":
            assert self.store.release(self.key, token) == ours
            self.record = None if ours else self.record
        else:
            lease = 1000.0 if how == "renew" else -1.0
            assert self.store.renew(self.key, token, lease) == ours
            self.record = dataclasses.replace(self.record, until=lease) if ours else self.record

    @rule(answer=st.one_of(st.none(), st.binary(max_size=50)))
    def a_person_decides(self, answer):
        open_ = isinstance(self.record, Running) and self.record.until <= 0
        assert self.store.resolve(self.key, answer, 1000.0) == open_
        if open_:
            token, print_ = self.record.token, self.record.fingerprint
            self.record = None if answer is None else Done(token, print_, answer, 1000.0)


def test_the_store_does_what_the_machine_says(store, kind):
    real = type("Real", (Against,), {"store": store, "prefix": f"model-{kind}-{os.getpid()}-{time.monotonic_ns()}"})
    run_state_machine_as_test(
        real,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


def test_connections_of_sqlalchemy_and_a_client_of_valkey_serve_as_well(places, engine, redis_url):
    with valkey.Valkey.from_url(redis_url) as client:
        for store in (PostgresStore(engine.begin), RedisStore(client)):
            key = f"other-{time.monotonic_ns()}"
            for first in (True, False):
                with Leases(store, crashed="retry").once(key) as effect:
                    assert effect.first == first
                    if first:
                        effect.answer = b"\0\xff"
            assert effect.answer == b"\0\xff"


def test_a_client_that_decodes_is_refused(redis_url):
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        store = RedisStore(client)
        client.set("idempotency:text", "1 x")
        with pytest.raises(TypeError, match="decode_responses"):
            store.claim("text", "", 1, "retry")


def test_what_a_crash_means_has_to_be_chosen(places):
    with pytest.raises(ValueError, match="retry"):
        Leases(places["redis"], crashed="maybe")
