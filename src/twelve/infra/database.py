"""The platform's database: transactions, one advisory lock an app, and migrations at start."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, create_engine, insert, select, text
from sqlalchemy.exc import OperationalError

from twelve.core.errors import CorruptState, DiskFull, PlatformError
from twelve.infra.schema import metadata, sealing_key

DISK_FULL = "53100"  # PostgreSQL's SQLSTATE
MIGRATIONS = Path(__file__).with_name("migrations")
VERSION_TABLE = "create table alembic_version (version_num varchar(32) not null primary key)"  # as Alembic makes it


class Database:
    """`url` is any postgres:// URL. Every method may be called from any thread."""

    def __init__(self, url: str) -> None:
        scheme, _, rest = url.partition("://")
        if scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
            raise PlatformError("DATABASE_URL must begin with postgres://: the platform keeps its state in PostgreSQL.")
        self._engine = create_engine(
            f"postgresql+psycopg://{rest}",
            pool_size=5,
            max_overflow=95,  # a change that waits for an app's lock holds a connection meanwhile
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"connect_timeout": 5, "application_name": "twelve"},
        )

    @contextlib.contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction: committed at the end of the block, rolled back when it raises."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) == DISK_FULL:
                raise DiskFull("The disk that holds the platform's database is full.") from error
            raise PlatformError(
                f"The platform's database does not answer: {str(error.orig).splitlines()[0].rstrip('.')}.",
                hint="Look at DATABASE_URL where it is set, else at `twelve status`.",
            ) from error

    @contextlib.contextmanager
    def lock(self, app_id: UUID, purpose: str) -> Iterator[None]:
        """One holder at a time for an app and a purpose, over all servers on this database; later callers wait."""
        key = _lock_key(app_id, purpose)
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("select pg_advisory_lock(:key)"), {"key": key})
            try:
                yield
            finally:
                connection.execute(text("select pg_advisory_unlock(:key)"), {"key": key})

    @contextlib.contextmanager
    def try_lock(self, app_id: UUID, purpose: str) -> Iterator[bool]:
        """The same without waiting: False when somebody else holds it."""
        key = _lock_key(app_id, purpose)
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            held = bool(connection.execute(text("select pg_try_advisory_lock(:key)"), {"key": key}).scalar())
            try:
                yield held
            finally:
                if held:
                    connection.execute(text("select pg_advisory_unlock(:key)"), {"key": key})

    def migrate(self) -> None:
        """Bring the schema to this version of twelve; a newer or foreign one is refused.

        Only a change of an existing schema needs Alembic, which takes longer to import than the rest of a start and
        stays in memory: an empty database gets today's tables, which is what the migrations lead to.
        """
        with self.begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(12)"))
            if connection.execute(text("select to_regclass('alembic_version')")).scalar_one() is None:
                metadata.create_all(connection)
                connection.execute(text(VERSION_TABLE))
                connection.execute(text("insert into alembic_version values (:newest)"), {"newest": newest_version()})
            elif _versions(connection) != [newest_version()]:
                upgrade(connection)

    def key_proof(self) -> bytes | None:
        """A known text sealed with the platform's key; None before anything was ever sealed."""
        with self.begin() as connection:
            return connection.execute(select(sealing_key.c.proof)).scalar_one_or_none()

    def keep_key_proof(self, proof: bytes) -> None:
        with self.begin() as connection:
            connection.execute(insert(sealing_key).values(id=1, proof=proof))

    def close(self) -> None:
        self._engine.dispose()


def _lock_key(app_id: UUID, purpose: str) -> int:
    return int.from_bytes(hashlib.sha256(app_id.bytes + purpose.encode()).digest()[:8], "big", signed=True)


def newest_version() -> str:
    return max(file.name.partition("_")[0] for file in MIGRATIONS.glob("versions/[0-9]*.py"))


def upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - see Database.migrate
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise CorruptState(
            f"The platform's database was written by another version of twelve: {error}",
            hint="Start the version that wrote it, or point DATABASE_URL at an empty database.",
        ) from error


def _versions(connection: Connection) -> list[str]:
    return list(connection.execute(text("select version_num from alembic_version")).scalars())


def as_id(ref: str | int | UUID) -> UUID | None:
    """A reference that is an id; None when it must be a name or a number."""
    try:
        return ref if isinstance(ref, UUID) else UUID(str(ref))
    except ValueError:
        return None
