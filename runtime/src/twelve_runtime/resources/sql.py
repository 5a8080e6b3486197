"""SQL through SQLAlchemy: an engine whose pool is bounded and checked.

engine = sql.engine(settings.database_url, lifecycle=lifecycle)
with engine.begin() as db:
    db.execute(text("select 1"))
"""

from typing import Any

from twelve_runtime._extras import needs
from twelve_runtime.lifecycle import Lifecycle
from twelve_runtime.resources._address import Address, Secret, parse, reveal
from twelve_runtime.resources._boot import WAIT, Patience, until_up, until_up_async
from twelve_runtime.resources._libpq import SCHEMES, is_hopeless, keywords

with needs("resources.sql", "sqlalchemy and psycopg", "sql"):
    import psycopg  # noqa: F401 - the driver; absent, SQLAlchemy would say so only later
    from sqlalchemy import URL, Engine, create_engine, make_url, text
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

RECYCLE = 1800  # seconds: proxies and firewalls drop older connections without a word


def engine(
    url: str | Secret,
    *,
    size: int = 4,
    timeout: float = 5.0,
    wait: float = WAIT,
    name: str = "",
    lifecycle: Lifecycle | None = None,
    **options: Any,
) -> Engine:
    """`postgres://` is meant as SQLAlchemy's `postgresql+psycopg://`; other databases by SQLAlchemy's own URLs.

    `timeout` is for a free connection, `wait` for the server at boot; 0 waits for nobody. More keywords go to
    create_engine.
    """
    address = _address(url)
    made = create_engine(_sqlalchemy_url(address), **_options(address, size, timeout, name, options))
    if wait:
        until_up(_patience(address, wait), lambda: _knock(made), (DBAPIError,), lifecycle)
    if lifecycle:
        lifecycle.on_close(address.where("the database"), made.dispose)
    return made


async def async_engine(
    url: str | Secret,
    *,
    size: int = 4,
    timeout: float = 5.0,  # noqa: ASYNC109 - the pool's, not this call's
    wait: float = WAIT,
    name: str = "",
    lifecycle: Lifecycle | None = None,
    **options: Any,
) -> AsyncEngine:
    """The same for a loop of asyncio; awaited in it."""
    address = _address(url)
    made = create_async_engine(_sqlalchemy_url(address), **_options(address, size, timeout, name, options))
    if wait:
        await until_up_async(_patience(address, wait), lambda: _knock_async(made), (DBAPIError,))
    if lifecycle:
        lifecycle.on_close(address.where("the database"), made.dispose)
    return made


def _address(url: str | Secret) -> Address:
    scheme = reveal(url).partition("://")[0]
    return parse(url, "a database", (*SCHEMES, scheme if "+" in scheme else "DIALECT+DRIVER"))


def _sqlalchemy_url(address: Address) -> URL:
    scheme = "postgresql+psycopg" if address.scheme in SCHEMES else address.scheme
    return make_url(scheme + address.url[len(address.scheme) :])


def _options(address: Address, size: int, timeout: float, name: str, options: dict[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {
        "pool_size": size,
        "max_overflow": 0,
        "pool_timeout": timeout,
        "pool_pre_ping": True,
        "pool_recycle": RECYCLE,
        "hide_parameters": True,  # errors do not carry the values of a statement into the log
    }
    if address.scheme in SCHEMES:
        own["connect_args"] = {**keywords(name), **options.pop("connect_args", {})}
    return own | options


def _patience(address: Address, wait: float) -> Patience:
    return Patience(address.where("the database"), address, wait, is_hopeless)


def _knock(made: Engine) -> None:
    with made.connect() as db:
        db.execute(text("select 1"))


async def _knock_async(made: AsyncEngine) -> None:
    async with made.connect() as db:
        await db.execute(text("select 1"))
