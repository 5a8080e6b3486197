"""Key, effect and answer in one transaction: exactly one effect, whoever asks at once and whenever a process dies."""

import asyncio
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy
from sqlalchemy.orm import Session
from twelve_runtime import idempotency
from twelve_runtime.idempotency import BadKey, Busy, Conflict, once, once_async, transactional

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def url(database_url):
    with psycopg.connect(database_url) as connection:
        idempotency.create(connection)
        idempotency.create(connection)  # every release may
        connection.execute("create table if not exists effects (key text, who text)")
    return database_url


@pytest.fixture
def connection(url):
    with psycopg.connect(url) as connection:
        yield connection


@pytest.fixture
def count(url):
    def effects(key):
        with psycopg.connect(url) as connection:
            return connection.execute("select count(*) from effects where key = %s", [key]).fetchone()[0]

    return effects


def work(connection, key, answer=b"done", **how):
    """The effect of these tests: a row."""
    with once(connection, key, **how) as effect:
        if effect.first:
            connection.execute("insert into effects values (%s, '')", [key])
            effect.answer = answer
    return effect


def test_the_first_does_it_and_the_others_get_its_answer_byte_for_byte(connection, count):
    answer = bytes(range(256)) * 3
    first, second = work(connection, "a", answer), work(connection, "a", b"other")
    assert (first.first, second.first, second.answer, count("a")) == (True, False, answer, 1)


def test_a_failure_undoes_the_effect_and_frees_the_key(connection, count):
    def fail():
        with once(connection, "failing") as effect:
            connection.execute("insert into effects values ('failing', '')")
            effect.answer = b"%d" % (1 / 0)

    with pytest.raises(ZeroDivisionError):
        fail()
    assert count("failing") == 0
    assert work(connection, "failing").first
    assert count("failing") == 1


def test_inside_the_callers_transaction_it_is_the_callers_commit_that_counts(url, connection, count):
    with connection.transaction(force_rollback=True):
        assert work(connection, "outer").first
        assert not work(connection, "outer").first
    assert count("outer") == 0
    assert work(connection, "outer").first


def test_another_request_under_the_same_key_is_a_conflict(connection, count):
    work(connection, "fp", fingerprint="one")
    with pytest.raises(Conflict, match="'fp'"):
        work(connection, "fp", fingerprint="two")
    assert (work(connection, "fp", fingerprint="one").first, count("fp")) == (False, 1)


def test_doing_it_again_without_asking_is_refused_and_undone(connection, count):
    work(connection, "careless")

    def again():
        with once(connection, "careless") as effect:
            connection.execute("insert into effects values ('careless', '')")
            effect.answer = b"again"

    with pytest.raises(RuntimeError, match="ask `first`"):
        again()
    assert count("careless") == 1


def test_after_its_expiry_a_key_is_as_new_and_purge_takes_it_away(connection, count):
    assert work(connection, "short", fingerprint="one", expires=-1).first
    assert work(connection, "short", fingerprint="two", expires=-1).first
    assert count("short") == 2
    idempotency.purge(connection)
    assert connection.execute("select key from twelve_idempotency where key = 'short'").fetchone() is None


@pytest.mark.parametrize("key", ["", "x" * 513, "a\0b"])
def test_what_is_no_key_is_refused(connection, key):
    with pytest.raises(BadKey, match="1 to 512"):
        work(connection, key)


def test_a_duplicate_waits_for_the_first_or_is_told_that_it_is_busy(url, connection, count):
    with psycopg.connect(url) as other, ThreadPoolExecutor() as threads:
        with other.transaction():
            work(other, "slow", b"first's")
            before = connection.execute("select current_setting('lock_timeout')").fetchone()
            with pytest.raises(Busy, match="'slow'"):
                work(connection, "slow", wait=0.05)
            # The caller's transaction is whole, and so is its own patience.
            assert connection.execute("select current_setting('lock_timeout')").fetchone() == before
            connection.rollback()
            waiting = threads.submit(work, connection, "slow")
            _until_somebody_waits(url)
        assert waiting.result(10).answer == b"first's"
    assert count("slow") == 1


def test_a_duplicate_does_it_when_the_first_fails(url, connection, count):
    with psycopg.connect(url) as other, ThreadPoolExecutor() as threads:
        with other.transaction(force_rollback=True):
            work(other, "heir")
            waiting = threads.submit(work, connection, "heir", wait=None)
            _until_somebody_waits(url)
        assert waiting.result(10).first
    assert count("heir") == 1


def test_a_snapshot_that_cannot_see_the_first_is_a_serialization_failure_not_a_second_effect(url, connection, count):
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.execute("select 1")
    with psycopg.connect(url) as other:
        work(other, "snapshot")
    with pytest.raises(psycopg.errors.SerializationFailure):
        work(connection, "snapshot")
    connection.rollback()
    assert (work(connection, "snapshot").first, count("snapshot")) == (False, 1)


def _until_somebody_waits(url):
    with psycopg.connect(url, autocommit=True) as connection:
        deadline = threading.Event()
        for _ in range(1000):
            waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
            if connection.execute(waiting).fetchone():
                return
            deadline.wait(0.01)
    raise AssertionError("nobody waits")


def _hammer(url, keys, answers):
    with psycopg.connect(url) as connection:
        for key in keys:
            effect = work(connection, key, f"{os.getpid()}-{threading.get_ident()}-{key}".encode(), wait=None)
            answers.put((key, effect.first, effect.answer))


def test_many_processes_and_threads_at_once_make_one_effect_each(url, count):
    keys = [f"many-{number}" for number in range(25)]
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    processes = [context.Process(target=_several, args=(url, keys, answers)) for _ in range(3)]
    for process in processes:
        process.start()
    found = [answers.get(timeout=60) for _ in range(3 * 4 * len(keys))]
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    for key in keys:
        own = [(first, answer) for name, first, answer in found if name == key]
        assert (sum(first for first, _ in own), len({answer for _, answer in own}), count(key)) == (1, 1, 1)


def _several(url, keys, answers):
    threads = [threading.Thread(target=_hammer, args=(url, keys, answers)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


VICTIMS = """
import json, os, signal, sys
import psycopg
from twelve_runtime.idempotency import once

class Doomed(psycopg.Connection):
    trips, trip, moment = 0, 0, ""

    def wait(self, *args, **kwargs):
        Doomed.trips += 1
        self.at("before")
        answer = super().wait(*args, **kwargs)
        self.at("after")
        return answer

    def at(self, moment):
        if (Doomed.trips, moment) == (Doomed.trip, Doomed.moment):
            os.kill(os.getpid(), signal.SIGKILL)

def work(key, trip, moment):
    with Doomed.connect(sys.argv[1]) as connection:
        Doomed.trips, Doomed.trip, Doomed.moment = 0, trip, moment
        with once(connection, key) as effect:
            connection.execute("insert into effects values (%s, 'a')", [key])
            connection.execute("insert into effects values (%s, 'b')", [key])
            effect.answer = b"the victim's"
    return Doomed.trips

trips = work("alive", 0, "never")
cases = [(trip, moment) for trip in range(1, trips + 1) for moment in ("before", "after")]
ended = []
for trip, moment in cases:
    child = os.fork()
    if not child:
        work(f"killed-{trip}-{moment}", trip, moment)
        os._exit(0)
    ended.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps([cases, ended]))
"""


def test_killed_at_every_exchange_with_the_server_it_leaves_all_or_nothing(url, connection, count):
    command = [sys.executable, "-c", VICTIMS, url]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.stderr, ran.returncode) == ("", 0)
    cases, ended = json.loads(ran.stdout)
    assert len(cases) >= 16  # begin, look, key, patience, effect, effect, answer, commit
    assert ended == [-signal.SIGKILL] * len(cases)
    outcomes = []
    for trip, moment in cases:
        key = f"killed-{trip}-{moment}"
        effect = work(connection, key, b"heir's", wait=10)
        connection.commit()
        assert (effect.answer, count(key)) == ((b"heir's", 1) if effect.first else (b"the victim's", 2))
        outcomes.append(effect.first)
    assert outcomes == sorted(outcomes, reverse=True)  # up to a moment nothing happened, from it on everything
    assert set(outcomes) == {True, False}


def test_the_decorator_gives_everybody_the_same_json(connection, count):
    @transactional(lambda order, **_: f"order:{order}")
    def place(own, order, *, lines):
        own.execute("insert into effects values ('decorated', '')")
        return {"order": order, "lines": tuple(lines)}

    assert place(connection, 7, lines=[1, 2]) == place(connection, 7, lines=[1, 2]) == {"order": 7, "lines": [1, 2]}
    with pytest.raises(Conflict):
        place(connection, 7, lines=[3])
    assert count("decorated") == 1
    assert place.__name__ == "place"


def test_the_decorator_says_what_is_no_json(connection):
    @transactional(lambda _: "objects")
    def take(_connection, _thing):
        return object()

    with pytest.raises(TypeError, match="say by fingerprint="):
        take(connection, object())
    with pytest.raises(TypeError, match="has to be JSON"):
        take(connection, "thing")


def test_async_connections_do_the_same(url, count):
    async def work(own, key, **how):
        async with once_async(own, key, **how) as effect:
            if effect.first:
                await own.execute("insert into effects values (%s, '')", [key])
                effect.answer = b"async"
        return effect

    async def story():
        async with (
            await psycopg.AsyncConnection.connect(url) as one,
            await psycopg.AsyncConnection.connect(url) as other,
        ):
            async with one.transaction():
                assert (await work(one, "async")).first
                with pytest.raises(Busy):
                    await work(other, "async", wait=0.05)
                assert not (await (await other.execute("select * from effects where key = 'async'")).fetchall())
                await other.rollback()
                waiting = asyncio.create_task(work(other, "async"))
                await asyncio.sleep(0.1)
                assert not waiting.done()
            second = await waiting
            assert (second.first, second.answer) == (False, b"async")
            with pytest.raises(Conflict):
                await work(other, "async", fingerprint="another")

    asyncio.run(story())
    assert count("async") == 1


def test_the_decorator_takes_async_functions(url, count):
    @transactional(lambda number: f"async:{number}")
    async def place(own, number):
        await own.execute("insert into effects values ('async-decorated', '')")
        return (number,)

    async def story():
        async with await psycopg.AsyncConnection.connect(url) as own:
            return [await place(own, 1), await place(own, 1)]

    assert asyncio.run(story()) == [[1], [1]]
    assert count("async-decorated") == 1


def test_connections_are_not_mixed_up(url, connection):
    async def story():
        async with await psycopg.AsyncConnection.connect(url) as own:
            with pytest.raises(TypeError, match="psycopg, SQLAlchemy or Django"), once(own, "a"):
                pass
        with pytest.raises(TypeError, match="AsyncConnection"):
            async with once_async(connection, "a"):
                pass

    asyncio.run(story())


@pytest.mark.parametrize("kind", ["connection", "session"])
def test_with_sqlalchemy(engine, count, kind):
    key = f"alchemy-{kind}"

    def opened():
        return engine.connect() if kind == "connection" else Session(engine)

    def insert(own):
        own.execute(sqlalchemy.text("insert into effects values (:key, '')"), {"key": key})

    with opened() as own, opened() as other:
        with once(own, key) as effect:
            insert(own)
            effect.answer = b"x"
            with pytest.raises(Busy), once(other, key, wait=0.05):
                pass
        other.rollback()
        with once(other, key) as effect:
            assert (effect.first, effect.answer) == (False, b"x")
        other.rollback()
        with own.begin() as outer:
            with once(own, key + "2"):
                insert(own)
            outer.rollback()
    assert count(key) == 1


DJANGO = """
import sys
import dj
from django.db import connection, transaction
from twelve_runtime.idempotency import once

def work(key):
    with once(connection, key) as effect:
        if effect.first:
            with connection.cursor() as cursor:
                cursor.execute("insert into effects values (%s, '')", [key])
            effect.answer = b"x"
    return effect.first

assert work("django") and not work("django")
with transaction.atomic():
    assert work("django-undone")
    transaction.set_rollback(True)
"""


def test_with_django(url, count, tmp_path):
    parts = psycopg.conninfo.conninfo_to_dict(url)
    (tmp_path / "dj.py").write_text(
        "import django\nfrom django.conf import settings\n"
        "settings.configure(DATABASES={'default': {'ENGINE': 'django.db.backends.postgresql', "
        f"'NAME': {parts['dbname']!r}, 'USER': {parts['user']!r}, 'PASSWORD': {parts['password']!r}, "
        f"'HOST': {parts['host']!r}, 'PORT': {parts['port']!r}}}}})\ndjango.setup()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", DJANGO], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.stderr, ran.returncode) == ("", 0)
    assert (count("django"), count("django-undone")) == (1, 0)


def test_a_connection_of_nobody_is_refused():
    with pytest.raises(TypeError, match="psycopg, SQLAlchemy or Django"), once(object(), "a"):
        pass
