"""The embedded PostgreSQL server, one a platform: it holds the apps' databases and the platform's own state."""

import json
import secrets
import shutil
import signal
import threading
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from twelve.core.errors import CorruptState, PlatformError
from twelve.core.ports import PlatformProcess
from twelve.infra.components import postgres_bin
from twelve.infra.daemons import Daemon
from twelve.infra.ports import Ports
from twelve.infra.sealing import write_once
from twelve.infra.settings import Settings
from twelve.stages.services import postgres_cluster as cluster

NAME = "postgres"
SUPERUSER = "postgres"
PLATFORM = "twelve"  # the platform's own role and database
TRUSTED = ("vector",)  # the app may create these in its database, as it may pg_trgm, hstore, citext ...


class PostgresServer:
    """`ensure` before anything else: it makes the cluster on the first start, and the platform's database."""

    def __init__(self, settings: Settings, output: Callable[[str, bytes], None]) -> None:
        self._directory = settings.data / "pg"
        self._extensions = settings.data / "pg-extensions"
        self._credentials_file = settings.data / "postgres.json"
        self._sockets = settings.run / "pg"
        self._ports = Ports(settings.data / "ports.json")
        self._lock = threading.RLock()
        self._is_set_up = False
        self._daemon = Daemon(
            NAME,
            "PostgreSQL server",
            settings.run,
            command=self._command,
            env=cluster.ENVIRONMENT,
            ready=self._answers,
            stop_signal=signal.SIGINT,
            stop_deadline=30,
            ready_deadline=60,
            output=partial(output, NAME),
            before_start=self._prepare,
        )

    def ensure(self) -> None:
        with self._lock:
            if not self._directory.exists():
                cluster.create(self._directory, SUPERUSER, self._credentials[SUPERUSER])
            cluster.check(self._directory)
            _ = self._credentials
            self._run()
            if not self._is_set_up:
                self._set_up()

    def stop(self) -> None:
        self._daemon.stop()

    def give_up(self) -> None:
        self._daemon.give_up()

    def release(self) -> None:
        """Leave it to the next platform process."""
        self._daemon.release()

    @property
    def port(self) -> int:
        return self._ports.current(NAME)

    def url(self, user: str, password: str, database: str) -> str:
        return f"postgres://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def platform_url(self) -> str:
        return self.url(PLATFORM, self._credentials[PLATFORM], PLATFORM)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """As the superuser, each statement a transaction of its own."""
        return self._connect(SUPERUSER, database)

    def processes(self) -> list[PlatformProcess]:
        process = self._daemon.process()
        return [process] if process else []

    @cached_property
    def _credentials(self) -> dict[str, str]:
        """Made before the cluster and kept beside it, as the database cannot hold the keys to itself."""
        if self._directory.exists() and not self._credentials_file.exists():
            raise CorruptState(
                f"{self._credentials_file} is gone, and with it the passwords of the database in {self._directory}.",
                hint="Restore it from a backup.",
            )
        fresh = {SUPERUSER: secrets.token_urlsafe(32), PLATFORM: secrets.token_urlsafe(32)}
        try:
            found = json.loads(write_once(self._credentials_file, json.dumps(fresh).encode()))
            return {role: str(found[role]) for role in fresh}
        except (ValueError, KeyError, TypeError):
            raise CorruptState(f"{self._credentials_file} is damaged.", hint="Restore it from a backup.") from None

    def _command(self) -> list[str | Path]:
        options = cluster.settings(extension_control_path=f"{self._extensions}:$system")
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self._sockets)]
        return [*cluster.as_postgres(), postgres_bin() / "postgres", "-D", self._directory, *address, *options]

    def _prepare(self) -> None:
        cluster.claim(self._directory)
        shutil.rmtree(self._sockets, ignore_errors=True)  # with the lock files of a server that was killed
        self._sockets.mkdir(mode=0o700)
        self._trust_extensions()
        self._ports.free(NAME)

    def _trust_extensions(self) -> None:
        """PostgreSQL takes our description of them, which says "trusted", and their own scripts and libraries."""
        system = postgres_bin().parent / "share" / "extension"
        ours = self._extensions / "extension"
        ours.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in TRUSTED:
            described = (system / f"{name}.control").read_text()
            (ours / f"{name}.control").write_text(f"{described}\ndirectory = '{system}'\ntrusted = true\n")

    def _run(self) -> None:
        try:
            self._daemon.ensure()
        except PlatformError as error:
            if not error.log:
                raise
            raise cluster.failure(f"{error.message.rstrip('.')}", error.log) from error

    def _answers(self) -> bool:
        """The lock file's last line says when to ask; asking earlier only fills the log with refusals."""
        try:
            pid, *_, state = (self._directory / "postmaster.pid").read_text().split()
            if state != "ready" or int(pid) != self._daemon.pid:
                return False
            self.connect().close()
        except (ValueError, psycopg.OperationalError):
            return False
        return True

    def _connect(self, user: str, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=user,
            password=self._credentials[user],
            dbname=database,
            sslmode="disable",
            gssencmode="disable",
            connect_timeout=5,
            autocommit=True,
        )

    def _set_up(self) -> None:
        """That the platform's role may log in is the last step, and so the proof of all others."""
        with self.connect() as db:
            if not _exists(db, "select from pg_roles where rolname = 'twelve' and rolcanlogin"):
                self._make_platform_database(db)
        self._is_set_up = True

    def _make_platform_database(self, db: psycopg.Connection) -> None:
        if not _exists(db, "select from pg_roles where rolname = 'twelve'"):
            db.execute("create role twelve nologin in role pg_use_reserved_connections")
        if not _exists(db, "select from pg_database where datname = 'twelve'"):
            db.execute("create database twelve owner twelve")
        db.execute("revoke connect on database postgres, template1, twelve from public")
        verifier = scram(db, PLATFORM, self._credentials[PLATFORM])
        db.execute(sql.SQL("alter role twelve login password {}").format(verifier))


def scram(db: psycopg.Connection, user: str, password: str) -> sql.Literal:
    """What the server stores of a password: the password itself stays out of statements, and so out of every log."""
    verifier = db.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256")
    return sql.Literal(verifier.decode())


def _exists(db: psycopg.Connection, query: LiteralString) -> bool:
    return db.execute(query).rowcount == 1
