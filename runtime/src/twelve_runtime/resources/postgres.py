"""PostgreSQL through psycopg: a bounded pool that checks a connection before it hands it out.

pool = postgres.pool(settings.database_url, lifecycle=lifecycle)
with pool.connection() as db:
    db.execute("select 1")
"""

from typing import Any

from twelve_runtime._extras import needs
from twelve_runtime.lifecycle import Lifecycle
from twelve_runtime.resources._address import Address, Secret, parse
from twelve_runtime.resources._boot import WAIT, Patience, until_up, until_up_async
from twelve_runtime.resources._libpq import CONNECT, SCHEMES, is_hopeless, keywords

with needs("resources.postgres", "psycopg and psycopg-pool", "postgres"):
    import psycopg
    from psycopg.rows import dict_row
    from psycopg_pool import AsyncConnectionPool, ConnectionPool

Connection = psycopg.Connection[dict[str, Any]]
AsyncConnection = psycopg.AsyncConnection[dict[str, Any]]
IDLE = 60.0  # seconds after which a connection above the minimum is closed


def pool(
    url: str | Secret,
    *,
    size: int = 4,
    timeout: float = 5.0,
    wait: float = WAIT,
    name: str = "",
    lifecycle: Lifecycle | None = None,
    **connection: Any,
) -> ConnectionPool[Connection]:
    """Rows are dictionaries. `timeout` is for a free connection, `wait` for the server at boot; 0 waits for nobody.

    `name` is shown in pg_stat_activity; more keywords go to psycopg.connect.
    """
    address = parse(url, "PostgreSQL", SCHEMES)
    if wait:
        until_up(_patience(address, wait), lambda: _knock(address), (psycopg.OperationalError,), lifecycle)
    made: ConnectionPool[Connection] = ConnectionPool(
        conninfo(address),
        min_size=1,
        max_size=size,
        max_idle=IDLE,
        timeout=timeout,
        check=ConnectionPool.check_connection,
        kwargs=_keywords(name, connection),
        name=name or None,
        open=True,
    )
    if lifecycle:
        lifecycle.on_close(address.where("PostgreSQL"), made.close)
    return made


async def async_pool(
    url: str | Secret,
    *,
    size: int = 4,
    timeout: float = 5.0,  # noqa: ASYNC109 - the pool's, not this call's
    wait: float = WAIT,
    name: str = "",
    lifecycle: Lifecycle | None = None,
    **connection: Any,
) -> AsyncConnectionPool[AsyncConnection]:
    """The same for a loop of asyncio; awaited in it."""
    address = parse(url, "PostgreSQL", SCHEMES)
    if wait:
        await until_up_async(_patience(address, wait), lambda: _knock_async(address), (psycopg.OperationalError,))
    made: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
        conninfo(address),
        min_size=1,
        max_size=size,
        max_idle=IDLE,
        timeout=timeout,
        check=AsyncConnectionPool.check_connection,
        kwargs=_keywords(name, connection),
        name=name or None,
        open=False,
    )
    await made.open()
    if lifecycle:
        lifecycle.on_close(address.where("PostgreSQL"), made.close)
    return made


def connect(
    url: str | Secret, *, wait: float = WAIT, name: str = "", lifecycle: Lifecycle | None = None, **connection: Any
) -> Connection:
    """One connection, for a one-off; `with` commits and closes it."""
    address = parse(url, "PostgreSQL", SCHEMES)
    options = _keywords(name, connection)
    return until_up(
        _patience(address, wait),
        lambda: psycopg.connect(conninfo(address), **options),
        (psycopg.OperationalError,),
        lifecycle,
    )


def conninfo(address: Address) -> str:
    """libpq knows postgres:// and postgresql://, not the dialects of SQLAlchemy."""
    return "postgresql" + address.url[len(address.scheme) :]


def _keywords(name: str, connection: dict[str, Any]) -> dict[str, Any]:
    return {"row_factory": dict_row, **keywords(name), **connection}


def _patience(address: Address, wait: float) -> Patience:
    return Patience(address.where("PostgreSQL"), address, wait, is_hopeless)


def _knock(address: Address) -> None:
    psycopg.connect(conninfo(address), connect_timeout=CONNECT).close()


async def _knock_async(address: Address) -> None:
    await (await psycopg.AsyncConnection.connect(conninfo(address), connect_timeout=CONNECT)).close()
