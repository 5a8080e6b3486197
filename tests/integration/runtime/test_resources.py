"""Resources from URLs on real servers: they answer, wait at boot, come back after an outage, and close in order."""

import asyncio
import contextlib
import socket
import threading
import time
from email import message_from_bytes
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from sqlalchemy import text
from twelve_runtime.errors import Unreachable
from twelve_runtime.lifecycle import Lifecycle
from twelve_runtime.resources import mail, nats, postgres, redis, s3, sql

from tests.support.live import free_port

pytestmark = pytest.mark.integration


@pytest.fixture
def lifecycle():
    lifecycle = Lifecycle(signals=False)
    yield lifecycle
    lifecycle.close()


def test_postgres_gives_rows_as_dictionaries(database_url, lifecycle):
    pool = postgres.pool(database_url, name="web.1", lifecycle=lifecycle)
    with pool.connection() as db:
        row = db.execute("select 1 as one, current_setting('application_name') as name").fetchone()
    assert row == {"one": 1, "name": "web.1"}
    lifecycle.close()
    assert pool.closed


def test_one_connection_for_a_one_off(database_url):
    with postgres.connect(database_url) as db:
        assert db.execute("select 2 as two").fetchone() == {"two": 2}


def test_a_pool_is_bounded_and_says_so_in_time(database_url, lifecycle):
    pool = postgres.pool(database_url, size=1, timeout=0.2, lifecycle=lifecycle)
    with (
        pool.connection(),
        pytest.raises(Exception, match="couldn't get a connection"),
        pool.connection(),
    ):
        pass


def test_sqlalchemy_takes_herokus_scheme(database_url, lifecycle):
    assert database_url.startswith("postgres://")
    engine = sql.engine(database_url, name="clock.1", lifecycle=lifecycle)
    with engine.begin() as db:
        assert db.execute(text("select current_setting('application_name')")).scalar() == "clock.1"


def test_a_connection_the_server_has_ended_is_replaced_unseen(database_url, lifecycle):
    pool = postgres.pool(database_url, name="ended", lifecycle=lifecycle)
    engine = sql.engine(database_url, name="ended", lifecycle=lifecycle)
    with pool.connection() as db, engine.connect() as alchemy:
        db.execute("select 1")
        alchemy.execute(text("select 1"))
    with postgres.connect(database_url, autocommit=True) as db:
        db.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ended'")
    with pool.connection() as db, engine.connect() as alchemy:
        assert db.execute("select 1 as one").fetchone() == {"one": 1}
        assert alchemy.execute(text("select 1")).scalar() == 1


def test_redis_answers_in_text(redis_url, lifecycle):
    client = redis.client(redis_url, name="worker.1", lifecycle=lifecycle)
    client.set("greeting", "hello")
    assert client.get("greeting") == "hello"
    assert client.client_getname() == "worker.1"
    assert redis.client(redis_url.replace("redis://", "valkey://")).get("greeting") == "hello"


def test_a_connection_to_redis_that_broke_is_replaced_unseen(redis_url, lifecycle):
    client = redis.client(redis_url, size=1, lifecycle=lifecycle)
    client.set("kept", "yes")
    connection = client.connection_pool.get_connection()
    connection._sock.shutdown(socket.SHUT_RDWR)
    client.connection_pool.release(connection)
    assert client.get("kept") == "yes"


def test_the_same_in_a_loop_of_asyncio(database_url, redis_url):
    async def use():
        async with Lifecycle(signals=False) as lifecycle:
            pool = await postgres.async_pool(database_url, lifecycle=lifecycle)
            engine = await sql.async_engine(database_url, lifecycle=lifecycle)
            client = await redis.async_client(redis_url, lifecycle=lifecycle)
            async with pool.connection() as db, engine.connect() as alchemy:
                row = await (await db.execute("select 1 as one")).fetchone()
                two = (await alchemy.execute(text("select 2"))).scalar()
            await client.set("three", "3")
            answers = row["one"], two, await client.get("three")
        return answers, pool.closed

    assert asyncio.run(use()) == ((1, 2, "3"), True)


def wrong(url):
    login, _, rest = url.rpartition("@")
    return f"{login[:-4]}oops@{rest}"


@pytest.mark.parametrize("make", [postgres.pool, postgres.connect, sql.engine, redis.client])
def test_a_wrong_password_is_told_at_once_and_never_shown(database_url, redis_url, make):
    url = wrong(redis_url if make is redis.client else database_url)
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"127.0.0.1:\d+/\w+ refuses us: ") as caught:
        make(url, wait=20)
    assert time.monotonic() - began < 5
    assert url.partition("@")[0].rpartition(":")[2] not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "url"),
    [
        (postgres.pool, "postgres://u:hunter2@127.0.0.1:{port}/d"),
        (postgres.connect, "postgres://u:hunter2@127.0.0.1:{port}/d"),
        (sql.engine, "postgres://u:hunter2@127.0.0.1:{port}/d"),
        (redis.client, "redis://:hunter2@127.0.0.1:{port}"),
        (s3.store, "s3://key:hunter2@127.0.0.1:{port}/bucket"),
        (mail.mailer, "smtp://u:hunter2@127.0.0.1:{port}"),
    ],
)
def test_a_server_that_is_not_there_is_asked_until_the_deadline(make, url):
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"127.0.0.1:\d+\S* did not answer within 0.3 s: .*[Cc]onne") as caught:
        make(url.format(port=free_port()), wait=0.3)
    assert 0.3 <= time.monotonic() - began < 10
    assert "hunter2" not in str(caught.value)


def test_a_server_that_comes_up_late_is_waited_for(redis_url, lifecycle):
    """A gate that opens a second after the app began to knock."""
    port = free_port()
    target = int(redis_url.rpartition(":")[2].partition("/")[0])
    gate = threading.Timer(0.7, forward, (port, target))
    gate.start()
    client = redis.client(redis_url.replace(f":{target}", f":{port}"), wait=20, lifecycle=lifecycle)
    assert client.ping()


def forward(port, target):
    """Two connections: one that finds out whether the server is up, and one for the client's first command."""
    with socket.create_server(("127.0.0.1", port)) as server:
        for _ in range(2):
            inside, _ = server.accept()
            threading.Thread(target=relay, args=(inside, target), daemon=True).start()


def relay(inside, target):
    with inside, socket.create_connection(("127.0.0.1", target)) as outside:
        back = threading.Thread(target=pump, args=(outside, inside), daemon=True)
        back.start()
        pump(inside, outside)
        back.join()


def pump(source, sink):
    with contextlib.suppress(OSError):  # who is at the other end may be gone
        while chunk := source.recv(4096):
            sink.sendall(chunk)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class Inbox:
    def __init__(self):
        self.subjects = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        self.subjects.append(message_from_bytes(envelope.content)["Subject"])
        return "250 OK"


def check_login(_server, _session, _envelope, _mechanism, login):
    return AuthResult(success=login == LoginPassword(b"ann", b"hun@ter2"), handled=False)


@pytest.fixture
def inbox():
    handler = Inbox()
    server = Controller(
        handler, "127.0.0.1", free_port(), authenticator=check_login, auth_required=True, auth_require_tls=False
    )
    server.start()
    yield f"smtp://ann:hun%40ter2@127.0.0.1:{server.port}", handler.subjects
    server.stop()


def message(subject):
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "ann@example.com", "bob@example.com", subject
    made.set_content("Hello.")
    return made


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_mails_are_sent_in_one_connection(inbox):
    url, subjects = inbox
    post = mail.mailer(url, wait=5)
    post.send(message("one"), message("two"))
    assert subjects == ["one", "two"]
    assert "ter2" not in repr(post)
    with pytest.raises(Unreachable, match=r"refuses us: .*535"):
        mail.mailer(url.replace("hun%40ter2", "oops"), wait=20)


def test_a_bucket_keeps_what_is_put_there(bucket):
    s3_url = bucket["FILES_URL"]
    store = s3.store(s3_url)
    store.put("runtime/hello.txt", b"hello")
    assert bytes(store.get("runtime/hello.txt").bytes()) == b"hello"
    assert bytes(s3.store(f"{s3_url}/runtime").get("hello.txt").bytes()) == b"hello"
    key = s3_url.partition("@")[0].rpartition(":")[2]
    began = time.monotonic()
    with pytest.raises(Unreachable, match="refuses us") as caught:
        s3.store(s3_url.replace(key, "oops"), wait=20)
    assert time.monotonic() - began < 10
    assert key not in str(caught.value)


def test_a_bucket_by_its_url_has_nothing_to_do_with_another_one_in_the_environment(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of another store")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of another store")
    store = s3.store(bucket["FILES_URL"], wait=5)
    store.put("runtime/other.txt", b"hello")
    assert bytes(store.get("runtime/other.txt").bytes()) == b"hello"


def test_a_message_travels(nats_url):
    async def talk():
        async with Lifecycle(signals=False) as lifecycle:
            client = await nats.connect(nats_url, name="web.1", lifecycle=lifecycle)
            heard = await client.subscribe("greetings")
            await client.publish("greetings", b"hello")
            data = (await heard.next_msg(timeout=5)).data
        return data, client.is_closed

    assert asyncio.run(talk()) == (b"hello", True)


def test_a_server_that_reads_its_accounts_again_while_we_connect_is_asked_once_more(nats_url, servers):
    login, _, rest = nats_url.rpartition("@")
    gate = socket.create_server(("127.0.0.1", 0))
    gate.settimeout(20)

    def guard():
        target = int(rest.rpartition(":")[2])
        with gate:
            refused, _ = gate.accept()
            with refused, socket.create_connection(("127.0.0.1", target)) as server:
                refused.sendall(server.recv(4096))
                wanted = refused.recv(4096)
                servers["nats"].create("nats-runtime-2")
                server.sendall(wanted)
                refused.sendall(server.recv(4096))
            for _ in range(2):  # the second knock, and the client itself
                threading.Thread(target=relay, args=(gate.accept()[0], target), daemon=True).start()

    async def talk():
        client = await nats.connect(f"{login}@127.0.0.1:{gate.getsockname()[1]}")
        connected = client.is_connected
        await client.close()
        return connected

    guarding = threading.Thread(target=guard)
    guarding.start()
    assert asyncio.run(talk())
    guarding.join()


@pytest.mark.parametrize("problem", ["password", "place"])
def test_nats_that_refuses_or_is_not_there(nats_url, problem):
    login, _, rest = nats_url.rpartition("@")
    key = login.rpartition(":")[2]
    url = f"{login[:-4]}oops@{rest}" if problem == "password" else nats_url.replace(rest, f"127.0.0.1:{free_port()}")
    with pytest.raises(Unreachable, match="refuses us" if problem == "password" else "within 0.5 s: ") as caught:
        asyncio.run(nats.connect(url, wait=20 if problem == "password" else 0.5))
    assert key[:-4] not in str(caught.value)
