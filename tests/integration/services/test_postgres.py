"""Databases for apps on a real server: round trips, what one app sees of another, deaths and damaged directories."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from twelve.core.errors import CorruptState, TwelveError
from twelve.infra import procfs
from twelve.infra.settings import Settings
from twelve.stages.services import postgres_cluster as cluster
from twelve.stages.services.postgres_server import PostgresServer

pytestmark = pytest.mark.integration


def url(services, details) -> str:
    return services["postgres"].config("DATABASE", details)["DATABASE_URL"]


def silent(component: str, chunk: bytes) -> None:
    pass


@pytest.fixture
def home(tmp_path):
    settings = Settings(home=tmp_path / "home")
    settings.make_directories()
    return settings


@pytest.fixture
def server(home):
    made = PostgresServer(home, silent)
    yield made
    made.stop()


def test_an_app_uses_its_database_by_url(services, resource):
    details = resource("postgres", "postgresql-round-11111")
    config = services["postgres"].config("HEROKU_POSTGRESQL_RED", details)
    assert set(config) == {"HEROKU_POSTGRESQL_RED_URL"} == services["postgres"].keys("HEROKU_POSTGRESQL_RED")
    assert url(services, details).startswith("postgres://postgresql_round_11111_")
    with psycopg.connect(url(services, details)) as db:
        db.execute("create table notes (id serial primary key, text text)")
        db.execute("insert into notes (text) values ('straße')")
        assert db.execute("select * from notes").fetchall() == [(1, "straße")]


def test_an_app_may_create_the_allowed_extensions_itself(services, resource):
    details = resource("postgres", "postgresql-round-22222")
    with psycopg.connect(url(services, details), autocommit=True) as db:
        for name in ("vector", "pg_trgm", "hstore", "citext", "unaccent"):
            db.execute(f"create extension {name}")
        assert db.execute("select '[1,2]'::vector <-> '[4,6]'::vector").fetchone() == (5.0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("create extension file_fdw")


def test_an_app_reaches_no_other_database(services, resource):
    first, second = resource("postgres", "postgresql-flat-1"), resource("postgres", "postgresql-flat-2")
    own = url(services, first)
    for database in (second["database"], "twelve", "postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(own.rpartition("/")[0] + f"/{database}")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url(services, second).replace(second["password"], first["password"]))
    with psycopg.connect(own) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("create role spy")
    with psycopg.connect(own) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("select pg_read_file('postgresql.conf')")


def test_one_app_cannot_take_all_connections(services, resource):
    details = resource("postgres", "postgresql-wide-1")
    held = []
    try:
        with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
            held.extend(psycopg.connect(url(services, details)) for _ in range(30))
        assert len(held) <= 20
        psycopg.connect(services.server.platform_url()).close()
    finally:
        for connection in held:
            connection.close()


def test_what_was_committed_outlives_a_killed_server(services, resource, eventually):
    details = resource("postgres", "postgresql-tall-1")
    with psycopg.connect(url(services, details), autocommit=True) as db:
        db.execute("create table numbers (n int)")
        for number in range(50):
            db.execute("insert into numbers values (%s)", [number])
        pid = services.server.processes()[0].pid
        os.kill(pid, signal.SIGKILL)

        def count():
            with psycopg.connect(url(services, details)) as again:
                return again.execute("select count(*) from numbers").fetchone()

        assert eventually(count, psycopg.OperationalError, seconds=30) == (50,)
    assert services.server.processes()[0].pid != pid


def test_a_destroyed_database_is_gone_with_its_connections(services):
    details = services["postgres"].create("postgresql-oval-1")
    with psycopg.connect(url(services, details)) as db:
        services["postgres"].destroy(details)
        with pytest.raises(psycopg.OperationalError):
            db.execute("select 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url(services, details))
    services["postgres"].destroy(details)


def test_no_password_is_on_a_command_line_or_in_the_log(services, resource):
    details = resource("postgres", "postgresql-cubic-1")
    with psycopg.connect(url(services, details)) as db, pytest.raises(psycopg.errors.UndefinedTable):
        db.execute("select secret from customers where card = '4111'")
    pid = services.server.processes()[0].pid
    shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    said = services.said["postgres"]
    assert b"ready to accept connections" in said
    assert b"4111" not in said
    platform = services.server.platform_url().split(":")[2].split("@")[0]
    for password in (details["password"], platform):
        assert password.encode() not in shown + said
    assert (services.settings.data / "postgres.json").stat().st_mode & 0o777 == 0o600


def test_it_says_its_version(services):
    assert services["postgres"].version() == "PostgreSQL 18.6"
    assert services["postgres"].version().startswith(f"PostgreSQL {cluster.MAJOR}.")


def test_it_is_small_while_idle(services):
    """PSS of the server and its helpers; measured 21 MB, and the budget is 34."""
    pid = services.server.processes()[0].pid
    helpers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    total = 0
    for each in [pid, *helpers]:
        with contextlib.suppress(OSError):  # a connection's process may end meanwhile
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
            total += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    assert total < 60 * 1024  # other tests' connections are among the helpers


def test_the_next_platform_adopts_the_server_and_knows_its_passwords(home, server):
    server.ensure()
    pid = server.processes()[0].pid
    server.release()
    following = PostgresServer(home, silent)
    following.ensure()
    assert following.processes()[0].pid == pid
    assert following.platform_url() == server.platform_url()
    psycopg.connect(following.platform_url()).close()
    following.stop()
    assert not Path(f"/proc/{pid}/cwd").exists()


def test_two_homes_run_side_by_side(services, server):
    server.ensure()
    assert server.port != services.server.port
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(services.server.platform_url().replace(str(services.server.port), str(server.port)))


def test_a_taken_port_is_replaced(server):
    import socket

    with socket.create_server(("127.0.0.1", server.port)):
        taken = server.port
        server.ensure()
        assert server.port != taken
        psycopg.connect(server.platform_url()).close()


def test_a_crash_while_the_cluster_is_made_leaves_nothing_behind(home, server):
    abandoned = home.data / ".pg.new-0000"
    abandoned.mkdir()
    (abandoned / "PG_VERSION").write_text("18\n")
    server.ensure()
    assert not abandoned.exists()
    assert not list(home.data.glob(".pg.new-*"))


def test_nor_does_an_initdb_that_outlives_who_began_it(home, server, eventually):
    making = "import sys; from pathlib import Path; from twelve.stages.services.postgres_cluster import create"
    making += "; create(Path(sys.argv[1]), 'postgres', 'secret')"
    with subprocess.Popen([sys.executable, "-c", making, home.data / "pg"]) as killed:
        [staging] = eventually(lambda: list(home.data.glob(".pg.new-*")))
        eventually((staging / "PG_VERSION").exists)
        initdb = procfs.descendants(killed.pid)
        killed.kill()
        for pid in initdb:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)  # it has not come to its end yet
    assert initdb
    server.ensure()
    assert not list(home.data.glob(".pg.new-*"))
    assert not any(procfs.identity(pid) for pid in initdb)


def test_a_crash_before_the_platforms_database_is_made_is_made_good(home, server):
    server.ensure()
    with server.connect() as db:
        db.execute("alter role twelve nologin")  # the last step had not been reached
        db.execute("drop database twelve")
    server.stop()
    again = PostgresServer(home, silent)
    again.ensure()
    try:
        with psycopg.connect(again.platform_url()) as db:
            assert db.execute("select current_user, current_database()").fetchone() == ("twelve", "twelve")
    finally:
        again.stop()


def made_cluster(home) -> Path:
    directory = home.data / "pg"
    directory.mkdir()
    (home.data / "postgres.json").write_text('{"postgres": "x", "twelve": "y"}')
    (directory / "PG_VERSION").write_text("18\n")
    (directory / "keep").write_text("precious")
    return directory


def damage_no_version(directory):
    (directory / "PG_VERSION").unlink()


def damage_other_major(directory):
    (directory / "PG_VERSION").write_text("16\n")


def damage_no_passwords(directory):
    (directory.parent / "postgres.json").unlink()


def damage_passwords(directory):
    (directory.parent / "postgres.json").write_text("{")


def damage_files(directory):
    """PG_VERSION is right and nothing else is there."""


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (damage_no_version, "is not a PostgreSQL data directory: PG_VERSION is missing"),
        (damage_other_major, "was written by PostgreSQL 16, and this is 18"),
        (damage_no_passwords, r"postgres.json is gone, and with it the passwords"),
        (damage_passwords, r"postgres.json is damaged"),
        (damage_files, "postgres ended with status 2 before it was ready: .*could not access the server configuration"),
    ],
)
def test_a_damaged_directory_is_one_sentence_and_stays_as_it_is(home, server, damage, sentence):
    directory = made_cluster(home)
    damage(directory)
    with pytest.raises(TwelveError, match=sentence) as caught:
        server.ensure()
    assert caught.value.id in {"corrupt_state", "platform_failed"}
    assert "\n" not in str(caught.value)
    assert (directory / "keep").read_text() == "precious"
    assert server.processes() == []


def test_somebody_elses_server_on_the_directory_is_refused(home, server):
    server.ensure()
    server.stop()
    directory = home.data / "pg"
    sockets = home.run / "elsewhere"
    sockets.mkdir()
    command = [*cluster.as_postgres(), cluster.postgres_bin() / "postgres", "-D", directory, "-k", sockets, "-h", ""]
    with subprocess.Popen(command, env=cluster.ENVIRONMENT, stderr=subprocess.PIPE) as stranger:
        while b"ready to accept" not in stranger.stderr.readline():
            pass
        with pytest.raises(CorruptState, match=f"Process {stranger.pid} uses .* and this platform did not start it"):
            server.ensure()
        assert stranger.poll() is None
        stranger.send_signal(signal.SIGINT)
    server.ensure()


def test_a_lock_that_names_another_program_is_stale(home, server):
    """After a reboot the number in postmaster.pid may be anybody's; PostgreSQL itself would refuse to start."""
    server.ensure()
    server.stop()
    with subprocess.Popen(["sleep", "600"]) as other:
        (home.data / "pg" / "postmaster.pid").write_text(f"{other.pid}\n{home.data}/pg\n1\n")
        server.ensure()
        other.kill()
