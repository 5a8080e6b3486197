"""NATS through nats-py, for a loop of asyncio: connects again by itself, drains before it closes.

client = await nats.connect(settings.nats_url, lifecycle=lifecycle)
await client.publish("notes.written", b"7")
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from twelve_runtime._extras import needs
from twelve_runtime.lifecycle import Lifecycle
from twelve_runtime.resources._address import Address, Secret, parse
from twelve_runtime.resources._boot import WAIT, Patience, until_up_async

with needs("resources.nats", "nats-py", "nats"):
    import nats
    from nats.aio.client import Client
    from nats.errors import AuthorizationError, Error

log = logging.getLogger(__name__)
CONNECT = 5  # seconds


async def connect(
    url: str | Secret, *, wait: float = WAIT, name: str = "", lifecycle: Lifecycle | None = None, **options: Any
) -> Client:
    """`wait` is for the server at boot; later outages are bridged without an end. More keywords go to nats.connect."""
    address = parse(url, "NATS", ("nats", "tls", "ws", "wss"))
    patience = Patience(address.where("NATS"), address, wait, _is_hopeless)
    if wait:
        await until_up_async(patience, lambda: _knock(address), (Error, OSError, TimeoutError))
    made = await nats.connect(
        address.url,
        name=name or None,
        connect_timeout=CONNECT,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        **{"error_cb": _tell(address), **options},
    )
    if lifecycle:
        lifecycle.on_close(address.where("NATS"), made.drain)
    return made


def _tell(address: Address) -> Callable[[Exception], Awaitable[None]]:
    async def tell(error: Exception) -> None:
        log.warning("%s: %s", address.where("NATS"), address.clean(error))

    return tell


async def _knock(address: Address) -> None:
    """A server that reads its accounts again refuses whoever is just connecting: only a second refusal is meant."""
    try:
        await _connect_once(address)
    except Error as error:
        if not _is_hopeless(error):
            raise
        await _connect_once(address)


async def _connect_once(address: Address) -> None:
    """The client would retry a first connection for ever and in silence: its first complaint ends the try."""
    complaint: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def hear(error: Exception) -> None:
        if not complaint.done():
            complaint.set_exception(error)

    client = Client()
    trying = asyncio.ensure_future(client.connect(address.url, connect_timeout=CONNECT, error_cb=hear))
    done, _ = await asyncio.wait({trying, complaint}, timeout=CONNECT, return_when=asyncio.FIRST_COMPLETED)
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    await client.close()
    if complaint in done:
        complaint.result()
    complaint.cancel()
    if trying not in done:
        raise TimeoutError("no answer")
    trying.result()


def _is_hopeless(error: BaseException) -> bool:
    return isinstance(error, AuthorizationError) or "authorization violation" in str(error).lower()
