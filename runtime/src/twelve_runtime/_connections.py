"""The caller's own connection, of whichever library: a block that commits or rolls back as a whole, and one row."""

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol, Self, TypeVar

Row = Sequence[Any] | None
T = TypeVar("T")


class Statement(tuple[Any, ...]):
    """SQL and its values, as `row` takes them."""

    __slots__ = ()

    def __new__(cls, sql: str, *values: object) -> Self:
        return super().__new__(cls, (sql, *values))


class Connection(Protocol):
    def block(self) -> AbstractContextManager[object]:
        """A savepoint inside the caller's transaction; a transaction of its own when there is none."""

    def row(self, sql: str, *values: object) -> Row:
        """The first row of the answer, if there is one."""


class AsyncConnection(Protocol):
    def block(self) -> AbstractAsyncContextManager[object]: ...

    async def row(self, sql: str, *values: object) -> Row: ...


class Psycopg:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def block(self) -> AbstractContextManager[object]:
        found: AbstractContextManager[object] = self._connection.transaction()
        return found

    def row(self, sql: str, *values: object) -> Row:
        from psycopg.rows import tuple_row  # noqa: PLC0415 - an app with another driver need not have it

        cursor = self._connection.cursor(row_factory=tuple_row).execute(sql, values or None)
        found: Row = cursor.fetchone() if cursor.description else None
        return found


class AsyncPsycopg:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def block(self) -> AbstractAsyncContextManager[object]:
        found: AbstractAsyncContextManager[object] = self._connection.transaction()
        return found

    async def row(self, sql: str, *values: object) -> Row:
        from psycopg.rows import tuple_row  # noqa: PLC0415 - an app with another driver need not have it

        cursor = await self._connection.cursor(row_factory=tuple_row).execute(sql, values or None)
        found: Row = await cursor.fetchone() if cursor.description else None
        return found


class SqlAlchemy:
    """A Connection or an ORM Session of SQLAlchemy on PostgreSQL."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def block(self) -> AbstractContextManager[object]:
        own = self._connection
        found: AbstractContextManager[object] = own.begin_nested() if own.in_transaction() else own.begin()
        return found

    def row(self, sql: str, *values: object) -> Row:
        connection = self._connection.connection() if hasattr(self._connection, "add_all") else self._connection
        result = connection.exec_driver_sql(sql, values)
        found: Row = result.first() if result.returns_rows else None
        return found


class Django:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def block(self) -> AbstractContextManager[object]:
        from django.db import transaction  # noqa: PLC0415 - only where Django is

        found: AbstractContextManager[object] = transaction.atomic(using=self._connection.alias)
        return found

    def row(self, sql: str, *values: object) -> Row:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            found: Row = cursor.fetchone() if cursor.description else None
            return found


LIBRARIES: dict[str, Callable[[object], Connection]] = {"psycopg": Psycopg, "sqlalchemy": SqlAlchemy, "django": Django}


def adapt(connection: object) -> Connection:
    """Also for subclasses and for Django's `connection`, which stands for the connection of this thread."""
    names = {kind.__module__.partition(".")[0] for kind in type(connection).__mro__}
    found = next((LIBRARIES[name] for name in LIBRARIES if name in names), None)
    if found is None or hasattr(connection, "__aenter__"):
        raise TypeError(
            f"A connection of psycopg, SQLAlchemy or Django is needed, not {type(connection).__qualname__}; "
            "async ones of SQLAlchemy go through run_sync."
        )
    return found(connection)


def adapt_async(connection: object) -> AsyncConnection:
    names = {kind.__module__.partition(".")[0] for kind in type(connection).__mro__}
    if "psycopg" not in names or not hasattr(connection, "__aenter__"):
        raise TypeError(f"An AsyncConnection of psycopg is needed, not {type(connection).__qualname__}.")
    return AsyncPsycopg(connection)


def drive(own: Connection, steps: Generator[Statement, Row, T]) -> T:
    """Sends each statement, and tells the generator its row or its error."""
    try:
        statement = next(steps)
        while True:
            try:
                row = own.row(*statement)
            except Exception as error:  # noqa: BLE001 - the generator decides, and raises what it does not know
                statement = steps.throw(error)
            else:
                statement = steps.send(row)
    except StopIteration as done:
        found: T = done.value
        return found


async def drive_async(own: AsyncConnection, steps: Generator[Statement, Row, T]) -> T:
    try:
        statement = next(steps)
        while True:
            try:
                row = await own.row(*statement)
            except Exception as error:  # noqa: BLE001 - the generator decides, and raises what it does not know
                statement = steps.throw(error)
            else:
                statement = steps.send(row)
    except StopIteration as done:
        found: T = done.value
        return found


def sqlstate(error: BaseException | None) -> str | None:
    """PostgreSQL's code, from below whatever a library wraps around it."""
    while error is not None:
        if code := getattr(error, "sqlstate", None):
            return str(code)
        error = getattr(error, "orig", None) or error.__cause__
    return None
