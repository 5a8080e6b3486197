"""Whether a process that was started is up: it accepts on $PORT, answers, lives long enough, as its checks say."""

import asyncio
import contextlib
import http.client
import time
from collections.abc import Callable, Mapping, Sequence

from twelve.core.model import HealthCheck, ProcessSpec
from twelve.core.policy.boot import startup_checks
from twelve.stages.run.local import sockets
from twelve.stages.run.local.life import Life

POLL = 0.025  # seconds
AGENT = "twelve-check/1"
ON_LOOPBACK = "Process listens on 127.0.0.1 only; bind 0.0.0.0 to run on Kubernetes"

Inside = Callable[[Sequence[str], float], int | None]  # runs a command beside the app: its status, None when too slow


class ChecksFailed(Exception):
    """A check that allows a number of attempts has used them up."""


class Boot:
    """One boot: `passed` returns when all startup checks have passed."""

    def __init__(self, spec: ProcessSpec, life: Life, port: int, inside: Inside, say: Callable[[str], None]) -> None:
        self._spec = spec
        self._life = life
        self._port = port
        self._inside = inside
        self._say = say
        self._began = time.monotonic()
        self._problem = ""
        self.bound = not spec.routed

    async def passed(self) -> None:
        for check in self._spec.checks or startup_checks(self._spec.type, routed=self._spec.routed):
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
        while (problem := await asyncio.to_thread(self._try, check)) is not None:
            self._problem = problem
            tries += 1
            if check.attempts is not None and tries >= check.attempts:
                raise ChecksFailed
            await asyncio.sleep(check.wait or POLL)

    def _try(self, check: HealthCheck) -> str | None:
        if check.path is not None:
            return ask(self._port, check, {"Host": self._spec.host or "localhost"})
        command = " ".join(check.command)
        status = self._inside(check.command, check.timeout)
        if status is None:
            return f"did not finish `{command}` within {check.timeout:g} seconds"
        return f"fails `{command}` with status {status}" if status else None


def _queue(port: int) -> int:
    """Connections nobody has accepted; with SO_REUSEPORT several sockets share a port."""
    return sum(listener.waiting for listener in sockets.listeners() if listener.port == port)


def ask(port: int, check: HealthCheck, headers: Mapping[str, str]) -> str | None:
    """One HTTP check; what is wrong with the answer, or None."""
    own = {"X-Forwarded-Proto": "https", "User-Agent": AGENT, "Connection": "close"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=check.timeout)
    path = check.path or "/"
    try:
        connection.request("GET", path, headers={**own, **headers, **dict(check.http_headers)})
        answer = connection.getresponse()
        if not 200 <= answer.status < 400:
            return f"answered {answer.status} to GET {path}"
        if check.content is not None and check.content not in answer.read().decode(errors="replace"):
            return f'answered GET {path} without "{check.content}"'
    except (OSError, http.client.HTTPException):
        return f"did not answer GET {path} within {check.timeout:g} seconds"
    finally:
        connection.close()
    return None
