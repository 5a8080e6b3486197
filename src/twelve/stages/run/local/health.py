"""Whether a process that was started is up: it accepts on $PORT, answers, lives long enough, as its checks say."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from twelve.core.model import HealthCheck, ProcessSpec
from twelve.core.policy.boot import startup_checks
from twelve.stages.run.local import sockets
from twelve.stages.run.local.checks import Checker
from twelve.stages.run.local.life import Life

POLL = 0.025  # seconds
ON_LOOPBACK = "Process listens on 127.0.0.1 only; bind 0.0.0.0 to run on Kubernetes"


class ChecksFailed(Exception):
    """A check that allows a number of attempts has used them up."""


class Boot:
    """One boot: `passed` returns when all startup checks have passed."""

    def __init__(self, spec: ProcessSpec, life: Life, port: int, checker: Checker, say: Callable[[str], None]) -> None:
        self._spec = spec
        self._life = life
        self._port = port
        self._checker = checker
        self._say = say
        self._began = time.monotonic()
        self._problem = ""
        self.bound = not spec.routed

    async def passed(self) -> None:
        own = [check for check in self._spec.checks if check.type == "startup"]
        for check in own or startup_checks(self._spec.type, routed=self._spec.routed):
            await asyncio.sleep(check.initial_delay)
            await self._until_it_passes(check)

    def failure(self, seconds: float) -> str:
        """Continues a sentence that begins with the process's name."""
        if self._problem:
            return f"{self._problem} within {seconds:g} seconds."
        elsewhere = sorted({listener.port for listener in sockets.listeners_of(self._life.members())})
        if elsewhere:
            return f"listens on {', '.join(map(str, elsewhere))}, not on $PORT ({self._port})."
        return f"never listened on $PORT ({self._port}) within {seconds:g} seconds."

    async def _until_it_passes(self, check: HealthCheck) -> None:
        if check.listening:
            await self._accepts()
        elif check.uptime is not None:
            await asyncio.sleep(max(0.0, self._began + check.uptime - time.monotonic()))
        else:
            await self._answers(check)
        self._problem = ""

    async def _accepts(self) -> None:
        while True:
            found = [one for one in sockets.listeners() if one.port == self._port]
            if found and (own := sockets.held_by(found, self._life.members())):
                self._problem = f"listened on $PORT ({self._port}), but accepted no connection"
                if await self._took_one():
                    break
            await asyncio.sleep(POLL)
        self.bound = True
        if all(listener.loopback_only for listener in own):
            self._say(ON_LOOPBACK)

    async def _took_one(self) -> bool:
        """The kernel connects as soon as a socket listens; that the app called accept() shows in its queue."""
        try:
            _, connection = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return False
        try:
            await asyncio.sleep(0)
            while _queue(self._port):  # noqa: ASYNC110 - the kernel announces no accept()
                await asyncio.sleep(POLL)
            return True
        finally:
            connection.close()
            with contextlib.suppress(OSError):
                await connection.wait_closed()

    async def _answers(self, check: HealthCheck) -> None:
        tries = 0
        while (problem := await asyncio.to_thread(self._checker.problem, check)) is not None:
            self._problem = problem
            tries += 1
            if check.attempts is not None and tries >= check.attempts:
                raise ChecksFailed
            await asyncio.sleep(check.wait or POLL)


def _queue(port: int) -> int:
    """Connections nobody has accepted; with SO_REUSEPORT several sockets share a port."""
    return sum(listener.waiting for listener in sockets.listeners() if listener.port == port)
