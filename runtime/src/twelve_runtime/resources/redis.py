"""Redis and Valkey through redis-py: a bounded pool, time-outs everywhere, a second try when a connection was lost.

cache = redis.client(settings.redis_url, lifecycle=lifecycle)
cache.set("greeting", "hello")
"""

from typing import Any

from twelve_runtime._extras import needs
from twelve_runtime.lifecycle import Lifecycle
from twelve_runtime.resources._address import Address, Secret, parse
from twelve_runtime.resources._boot import WAIT, Patience, until_up, until_up_async

with needs("resources.redis", "redis", "redis"):
    import redis
    import redis.asyncio
    from redis.asyncio.retry import Retry as AsyncRetry
    from redis.backoff import ExponentialBackoff, NoBackoff
    from redis.exceptions import AuthorizationError
    from redis.retry import Retry

SCHEMES = ("redis", "rediss", "valkey", "valkeys", "unix")
RETRIES = 2
FRESH = 30  # seconds after which an idle connection is tried before it is used


def client(
    url: str | Secret,
    *,
    size: int = 16,
    timeout: float = 5.0,
    wait: float = WAIT,
    name: str = "",
    lifecycle: Lifecycle | None = None,
    **options: Any,
) -> redis.Redis:
    """Answers are text. `timeout` is for an answer and for a free connection, `wait` for the server at boot.

    A command that blocks on the server (BLPOP, XREAD with BLOCK) has to block for less than `timeout`. More keywords
    go to the connections of redis-py.
    """
    address = parse(url, "Redis", SCHEMES)
    pool = redis.BlockingConnectionPool.from_url(
        _url(address),
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), RETRIES),
        **_options(address, size, timeout, name, options),
    )
    made = redis.Redis.from_pool(pool)
    if wait:
        until_up(_patience(address, wait), lambda: _knock(address, timeout), (redis.RedisError, OSError), lifecycle)
    if lifecycle:
        lifecycle.on_close(address.where("Redis"), made.close)
    return made


async def async_client(
    url: str | Secret,
    *,
    size: int = 16,
    timeout: float = 5.0,  # noqa: ASYNC109 - the pool's, not this call's
    wait: float = WAIT,
    name: str = "",
    lifecycle: Lifecycle | None = None,
    **options: Any,
) -> redis.asyncio.Redis:
    """The same for a loop of asyncio; awaited in it."""
    address = parse(url, "Redis", SCHEMES)
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        _url(address),
        retry=AsyncRetry(ExponentialBackoff(cap=0.5, base=0.05), RETRIES),
        **_options(address, size, timeout, name, options),
    )
    made = redis.asyncio.Redis.from_pool(pool)
    if wait:
        await until_up_async(_patience(address, wait), made.ping, (redis.RedisError, OSError))
    if lifecycle:
        lifecycle.on_close(address.where("Redis"), made.aclose)
    return made


def _knock(address: Address, timeout: float) -> None:
    """Once only: the client itself would try again, and longer than the deadline."""
    once = Retry(NoBackoff(), 0)
    with redis.Redis.from_url(
        _url(address), socket_timeout=timeout, socket_connect_timeout=timeout, retry=once
    ) as made:
        made.ping()


def _url(address: Address) -> str:
    """Valkey's own schemes are Redis's by another name."""
    return address.scheme.replace("valkey", "redis") + address.url[len(address.scheme) :]


def _options(address: Address, size: int, timeout: float, name: str, options: dict[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {
        "max_connections": size,
        "timeout": timeout,
        "socket_timeout": timeout,
        "health_check_interval": FRESH,
        "decode_responses": True,
        "client_name": name or None,
    }
    if address.scheme != "unix":
        own |= {"socket_connect_timeout": timeout, "socket_keepalive": True}
    return own | options


def _patience(address: Address, wait: float) -> Patience:
    return Patience(address.where("Redis"), address, wait, _is_hopeless)


def _is_hopeless(error: BaseException) -> bool:
    """A server that is still reading its file says so with an error of its own, and is waited for."""
    return isinstance(error, redis.AuthenticationError | AuthorizationError)
