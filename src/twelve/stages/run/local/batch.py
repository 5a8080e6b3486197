"""Processes that begin together: all of them, or none stays. Each turn is prepared while the one before it begins."""

import asyncio
import contextlib
from collections.abc import Awaitable, Sequence

from twelve.stages.run.local.supervisor import Supervisor

TURN = 5


class Batch:
    """`ready`: their output is open. `begun`: they run."""

    def __init__(self, supervisors: Sequence[Supervisor]) -> None:
        self._supervisors = supervisors
        self._preparing: asyncio.Task[None] | None = None
        self.ready: list[Supervisor] = []
        self.begun: list[Supervisor] = []

    async def begin(self, enrolled: Awaitable[None]) -> None:
        """The first of them only once all are `enrolled`."""
        turns = [self._supervisors[first : first + TURN] for first in range(0, len(self._supervisors), TURN)]
        self._prepare(turns[0])
        await enrolled
        for turn, following in zip(turns, [*turns[1:], ()], strict=True):
            await self._prepared()
            self._prepare(following)
            before = len(self.ready)
            for supervisor in turn:
                supervisor.make_ready()
                self.ready.append(supervisor)
                supervisor.begin()
            self._wait_for(self.ready[len(self.begun) : before])
        self._wait_for(self.ready[len(self.begun) :])

    async def settle(self) -> None:
        """Not all could begin: those that were asked for already have begun, too."""
        with contextlib.suppress(Exception):
            await self._prepared()
        for supervisor in [one for one in self.ready if one not in self.begun]:
            with contextlib.suppress(OSError):
                self._wait_for([supervisor])

    def give_up(self) -> list[Supervisor]:
        """Those that never began."""
        for supervisor in [one for one in self.ready if one not in self.begun]:
            supervisor.give_up()
        return [one for one in self._supervisors if one not in self.begun]

    def _prepare(self, supervisors: Sequence[Supervisor]) -> None:
        if supervisors:
            self._preparing = asyncio.create_task(asyncio.to_thread(_prepare, supervisors))

    async def _prepared(self) -> None:
        if self._preparing is not None:
            await self._preparing

    def _wait_for(self, asked: Sequence[Supervisor]) -> None:
        for supervisor in asked:
            supervisor.begun()
            self.begun.append(supervisor)


def _prepare(supervisors: Sequence[Supervisor]) -> None:
    for supervisor in supervisors:
        supervisor.prepare()
