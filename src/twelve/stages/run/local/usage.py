"""What one life of a process has used so far: from its control groups where they count, otherwise from its tree."""

from pathlib import Path

from twelve.core.model.metrics import Usage
from twelve.infra import procfs, usage
from twelve.stages.run.local.life import STATUS, recorded_init
from twelve.stages.run.local.limits import noted


def of_life(pid: int, place: Path) -> Usage:
    """`pid` is what was started; `place` the process's directory."""
    groups = {group.controller: group for group in noted(place).groups}
    cpu = groups["cpu"].cpu() if "cpu" in groups else None
    memory = groups["memory"].usage(0).own if "memory" in groups else None
    root = recorded_init(place / STATUS) or pid  # the orphans too
    tree = [root, *procfs.descendants(root)] if cpu is None or memory is None else []
    return Usage(
        usage.cpu(tree) if cpu is None else cpu,
        usage.memory(tree) if memory is None else memory,
        usage.started(pid),
    )
