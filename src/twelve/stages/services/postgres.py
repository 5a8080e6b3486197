"""Databases for apps: each a database and a role of its own on the platform's PostgreSQL server."""

import re
import secrets
from collections.abc import Iterable, Mapping

import psycopg
from psycopg import sql

from twelve.core.errors import DiskFull, ServiceError
from twelve.core.model import ConfigVars
from twelve.core.ports import PlatformProcess
from twelve.infra.components import postgres_bin
from twelve.stages.services.postgres_server import PostgresServer, scram
from twelve.stages.services.versions import said_by

CONNECTIONS = 20


class PostgresProvider:
    name = "postgres"
    default_attachment = "DATABASE"

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def ensure_running(self, details: Iterable[Mapping[str, str]] = ()) -> None:
        del details  # the server knows its databases itself
        self._server.ensure()

    def stop(self) -> None:
        """The server holds the platform's own state too: whoever started it stops or leaves it, last of all."""

    def release(self) -> None:
        """As `stop`."""

    def create(self, resource: str) -> ConfigVars:
        self._server.ensure()
        database = f"{resource.replace('-', '_')[:50]}_{secrets.token_hex(3)}"
        details = {"database": database, "user": database, "password": secrets.token_urlsafe(32)}
        try:
            self._make(database, details["password"])
        except psycopg.Error as error:
            self.destroy(details)
            kind = DiskFull if isinstance(error, psycopg.errors.DiskFull) else ServiceError
            raise kind(f"The database for {resource} could not be made: {_sentence(error)}.") from error
        return ConfigVars(details)

    def destroy(self, details: Mapping[str, str]) -> None:
        """With every connection to it; fine when it is gone already."""
        self._server.ensure()
        with self._server.connect() as db:
            name = sql.Identifier(details["database"])
            db.execute(sql.SQL("drop database if exists {} with (force)").format(name))
            db.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(details["user"])))

    def config(self, attachment: str, details: Mapping[str, str]) -> dict[str, str]:
        url = self._server.url(details["user"], details["password"], details["database"])
        return {f"{attachment}_URL": url}

    def keys(self, attachment: str) -> frozenset[str]:
        return frozenset({f"{attachment}_URL"})

    def version(self) -> str:
        return f"PostgreSQL {said_by(postgres_bin() / 'postgres', '--version')}"

    def processes(self) -> list[PlatformProcess]:
        return self._server.processes()

    def _make(self, name: str, password: str) -> None:
        """Nobody but its owner, and the platform's superuser, may connect to it."""
        with self._server.connect() as db:
            role = sql.Identifier(name)
            rights = sql.SQL("login nosuperuser nocreatedb nocreaterole connection limit {}").format(CONNECTIONS)
            verifier = scram(db, name, password)
            db.execute(sql.SQL("create role {} {} password {}").format(role, rights, verifier))
            db.execute(sql.SQL("create database {} owner {}").format(role, role))
            db.execute(sql.SQL("revoke connect, temporary on database {} from public").format(role))


def _sentence(error: psycopg.Error) -> str:
    return re.sub(r"\s+", " ", str(error).partition("\n")[0]).rstrip(".")
