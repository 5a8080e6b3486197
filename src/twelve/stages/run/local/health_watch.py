"""Readiness and liveness of a process that is up, as app.json asks for them: every check by itself, again and again.

readiness  fails `attempts` times in a row ──▶ "unready": out of the router    passes once ──▶ "ready": back
liveness   fails `attempts` times in a row ──▶ `lost` returns, and the process is ended
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from twelve.core.model import HealthCheck
from twelve.core.policy.boot import LIVENESS
from twelve.stages.run.local.checks import Checker

LEAST_WAIT = 0.1  # seconds between two tries, whatever app.json says


class HealthWatch:
    def __init__(
        self, checks: Sequence[HealthCheck], checker: Checker, tell: Callable[[str], None], say: Callable[[str], None]
    ) -> None:
        self._checks = checks
        self._checker = checker
        self._tell = tell
        self._say = say
        self._unready: set[HealthCheck] = set()  # all have to pass

    async def lost(self) -> None:
        """Until a liveness check has failed too often: never, when there is none."""
        ends = asyncio.Event()
        watches = [asyncio.ensure_future(self._watch(check, ends)) for check in self._checks]
        try:
            await ends.wait()
        finally:
            for watch in watches:
                watch.cancel()

    async def _watch(self, check: HealthCheck, ends: asyncio.Event) -> None:
        failures = 0
        async for problem in self._problems(check):
            failures = failures + 1 if problem else 0
            if check.type == LIVENESS and failures == check.attempts:
                self._say(f"Liveness check failed {_times(failures)}: {problem}")
                ends.set()
            elif check.type != LIVENESS:
                self._judge_readiness(check, failures, problem)

    async def _problems(self, check: HealthCheck) -> AsyncIterator[str | None]:
        await asyncio.sleep(check.initial_delay)
        while True:
            await asyncio.sleep(max(check.wait or 0, LEAST_WAIT))
            yield await asyncio.to_thread(self._checker.problem, check)

    def _judge_readiness(self, check: HealthCheck, failures: int, problem: str | None) -> None:
        if problem and failures == check.attempts:
            self._say(f"Readiness check failed {_times(failures)}, so it gets no requests: {problem}")
            self._unready.add(check)
            self._tell("unready")
        elif not problem and check in self._unready:
            self._unready.discard(check)
            if not self._unready:
                self._say("Readiness checks pass again")
                self._tell("ready")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times in a row"
