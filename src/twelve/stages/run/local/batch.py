"""Processes that begin together: all of them, or none stays."""

import asyncio
import contextlib
from collections.abc import Sequence

from twelve.stages.run.local.supervisor import Supervisor

TURN = 10  # are prepared while those before them begin


class Batch:
    """`ready`: their output is open. `begun`: they run."""

    def __init__(self, supervisors: Sequence[Supervisor]) -> None:
        self._supervisors = supervisors
        self.ready: list[Supervisor] = []
        self.begun: list[Supervisor] = []

    def make_ready(self) -> None:
        for supervisor in self._supervisors:
            supervisor.make_ready()
            self.ready.append(supervisor)

    async def begin(self) -> None:
        for first in range(0, len(self.ready), TURN):
            turn = self.ready[first : first + TURN]
            await asyncio.to_thread(_prepare, turn)
            for supervisor in turn:
                supervisor.begin()
            self._wait_for(self.ready[len(self.begun) : first])
        self._wait_for(self.ready[len(self.begun) :])

    def settle(self) -> None:
        """Not all could begin: those that were asked for already have begun, too."""
        for supervisor in [one for one in self.ready if one not in self.begun]:
            with contextlib.suppress(OSError):
                self._wait_for([supervisor])

    def give_up(self) -> list[Supervisor]:
        """Those that never began."""
        for supervisor in [one for one in self.ready if one not in self.begun]:
            supervisor.give_up()
        return [one for one in self._supervisors if one not in self.begun]

    def _wait_for(self, asked: Sequence[Supervisor]) -> None:
        for supervisor in asked:
            supervisor.begun()
            self.begun.append(supervisor)


def _prepare(supervisors: Sequence[Supervisor]) -> None:
    for supervisor in supervisors:
        supervisor.prepare()
