"""URLs of resources: what cannot be used ends in one sentence that quotes nothing of it."""

import pytest
from twelve_runtime.errors import BadUrl, Unreachable
from twelve_runtime.lifecycle import Lifecycle
from twelve_runtime.resources import mail, postgres, redis, s3, sql
from twelve_runtime.resources._address import parse
from twelve_runtime.resources._boot import Patience, until_up

MAKERS = [postgres.pool, postgres.connect, sql.engine, redis.client, s3.store, mail.mailer]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    "url",
    ["hunter2", "", "hunter2:swordfish", "gopher://u:hunter2@h/x", "redis://u:hunter2@[h/x", "s3://u:hunter2@h:port/x"],
)
def test_bad_urls_are_refused_without_being_quoted(make, url):
    with pytest.raises(BadUrl) as caught:
        make(url)
    assert "hunter2" not in str(caught.value)
    assert "://" in str(caught.value)


def test_an_error_is_told_without_the_password_however_it_is_written():
    address = parse("postgres://u:p%40ss-word@h:1/d", "PostgreSQL", ("postgres",))
    said = address.clean(OSError("no p@ss-word, no p%40ss-word, no postgres://u:p%40ss-word@h:1/d\nmore"))
    assert said == "no [redacted], no [redacted], no [redacted]"
    assert "ss-word" not in repr(address)


def test_patience_ends_with_the_last_error():
    address = parse("redis://u:hunter2@h/0", "Redis", ("redis",))
    tries = []

    def attempt():
        tries.append(1)
        raise OSError(f"try {len(tries)}: hunter2 is refused")

    with pytest.raises(Unreachable, match=r"Redis at h/0 did not answer within 0.3 s: try \d+: \[redacted\]") as caught:
        until_up(Patience(address.where("Redis"), address, 0.3), attempt, (OSError,), None)
    assert len(tries) >= 2
    assert caught.value.__context__ is None


def test_what_no_wait_cures_is_told_at_once():
    address = parse("redis://h", "Redis", ("redis",))
    with pytest.raises(Unreachable, match="refuses us: wrong password"):
        until_up(Patience("Redis", address, 60, lambda _: True), lambda: 1 / int(fail()), (OSError,), None)


def fail():
    raise OSError("wrong password")


def test_who_is_told_to_stop_waits_no_longer():
    address = parse("redis://h", "Redis", ("redis",))
    lifecycle = Lifecycle(signals=False)
    lifecycle.stop()
    with pytest.raises(Unreachable, match="before this process was told to stop"):
        until_up(Patience("Redis", address, 60), fail, (OSError,), lifecycle)


def test_several_hosts_are_the_drivers_affair():
    address = parse("postgres://u:p@a:1,b:2/d", "PostgreSQL", ("postgres",))
    assert postgres.conninfo(address) == "postgresql://u:p@a:1,b:2/d"


@pytest.mark.parametrize("url", ["redis://h", "rediss://h", "valkey://h", "valkeys://h", "unix:///run/redis.sock"])
def test_every_scheme_of_redis_makes_a_connection(url):
    redis.client(url, wait=0, name="web.1").connection_pool.make_connection()


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://k:s@127.0.0.1:8333/b", ("http://127.0.0.1:8333", "b", "")),
        ("s3://k:s@store.example/b/models/x", ("https://store.example", "b", "models/x")),
        ("s3://k:s@store.example:9000/b?tls=false", ("http://store.example:9000", "b", "")),
        ("s3://b/p?endpoint_url=http://h:1", ("http://h:1", "b", "p")),
        ("s3://b", ("", "b", "")),
    ],
)
def test_where_a_bucket_is(url, place):
    assert s3._place(parse(url, "S3", ("s3",))) == place
