"""The end for want of memory is told once, whoever sees it first."""

import asyncio
from uuid import uuid4

from twelve.core.policy import memory
from twelve.core.policy.limits import limits
from twelve.stages.run.local.cgroups import Group
from twelve.stages.run.local.life import Life
from twelve.stages.run.local.limits import Groups
from twelve.stages.run.local.memory_watch import MemoryWatch


def test_the_regular_look_and_the_one_at_the_exit_tell_one_end(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "SAMPLED", 0.0)
    (tmp_path / "memory.events").write_text("oom_kill 1\n")
    groups = Groups((Group("memory", 2, tmp_path),))
    said = []

    async def both():
        watch = MemoryWatch(limits("standard-1x"), groups, Life(uuid4(), None, tmp_path / "status"), said.append)
        looking = asyncio.ensure_future(watch.exceeded())
        await asyncio.sleep(0)  # it is between two looks when the process ends
        assert watch.over()
        await looking

    asyncio.run(both())
    assert said[1:] == ["Error R15 (Memory quota vastly exceeded)", "Stopping process with SIGKILL"]
