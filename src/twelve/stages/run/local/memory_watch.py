"""Looks at the memory of one life every few seconds, says what core/policy/memory.py decides, and asks for its end.

The control group counts, where there is one; otherwise the proportional share of every process is summed up.
"""

import asyncio
import time
from collections.abc import Callable, Iterable

from twelve.core.policy import memory
from twelve.core.policy.limits import Limits
from twelve.core.policy.memory import Usage, Verdict
from twelve.infra.usage import memory as memory_of
from twelve.stages.run.local.life import Life
from twelve.stages.run.local.limits import Groups


class MemoryWatch:
    def __init__(self, limits: Limits, groups: Groups, life: Life, say: Callable[[str], None]) -> None:
        self._limits = limits
        self._groups = groups
        self._life = life
        self._say = say
        self._warned: float | None = None
        self._vast = False

    async def exceeded(self) -> None:
        """Until the process has to be killed; what there is to say has been said."""
        while not self._vast:
            await asyncio.sleep(memory.SAMPLED)
            self._tell(await self._look())

    def over(self) -> bool:
        """Whether it has to end for its memory: by us, or because the kernel ended some of it at the hard limit."""
        if self._groups.out_of_memory():
            self._tell(memory.vast(self._limits.memory, self._limits.quota))
        return self._vast

    async def _look(self) -> Verdict:
        if self._groups.out_of_memory():
            return memory.vast(self._limits.memory, self._limits.quota)
        counted = self._groups.usage(self._limits.quota)
        usage = await asyncio.to_thread(self._share) if counted is None else counted
        since = None if self._warned is None else time.monotonic() - self._warned
        return memory.decide(usage, self._limits.quota, since)

    def _share(self) -> Usage:
        return share(self._life.members())

    def _tell(self, verdict: Verdict) -> None:
        """The end is told once, by whichever look comes first."""
        if self._vast:
            return
        for line in verdict.lines:
            self._say(line)
        if verdict.kill:
            self._vast = True
        elif verdict.lines:
            self._warned = time.monotonic()


def share(pids: Iterable[int]) -> Usage:
    """Shared pages count in part for each that has them; the cache of files does not count, and no tmpfs either."""
    total = memory_of(pids)
    return Usage(total, total)
