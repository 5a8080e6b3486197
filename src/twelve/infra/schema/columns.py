"""What the tables are made of: one way to write a key, a time, a text."""

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    MetaData,
    Text,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_name)s_idx",
    }
)


def uuid_key() -> Column[object]:
    return Column("id", Uuid, primary_key=True)


def app_key(*, index: bool = True) -> Column[object]:
    return Column("app_id", Uuid, ForeignKey("apps.id", ondelete="CASCADE"), nullable=False, index=index)


def time(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=None if nullable else func.now())


def string(name: str, default: str | None = None, *, unique: bool = False) -> Column[object]:
    return Column(name, Text, nullable=False, server_default=default, unique=unique)


def json(name: str, empty: str = "{}") -> Column[object]:
    kind: TypeEngine[object] = JSONB()
    return Column(name, kind, nullable=False, server_default=empty)
