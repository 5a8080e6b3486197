"""How a process ends: SIGTERM to all of it, its grace, SIGKILL to what is left. Nothing of it is left running."""

import asyncio
from collections.abc import Callable

from twelve.core.policy import codes
from twelve.stages.run.local.life import Life

AGAIN = 0.02  # seconds between two tries to kill

Over = asyncio.Future[None]  # done when the last process has ended


async def terminate(life: Life, over: Over, grace: float, say: Callable[[str], None]) -> None:
    say("Stopping all processes with SIGTERM")
    telling = asyncio.ensure_future(life.terminate())
    await asyncio.wait({over}, timeout=grace)
    telling.cancel()
    if not over.done():
        say(codes.text("R12", seconds=grace))
        say("Stopping remaining processes with SIGKILL")
        await kill(life, over)


async def kill(life: Life, over: Over) -> None:
    while not over.done():
        life.kill()
        await asyncio.wait({over}, timeout=AGAIN)


async def sweep(life: Life, over: Over, grace: float, say: Callable[[str], None]) -> None:
    """The first process has ended by itself; those it left behind follow it."""
    await asyncio.wait({over}, timeout=AGAIN)
    if not over.done() and life.members():
        await terminate(life, over, grace, say)
    while not over.done():  # the sandbox's own init ends with the last of them
        await kill(life, over)
