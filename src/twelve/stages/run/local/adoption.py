"""After the server's death: which recorded processes still run, which ended meanwhile and how, which are lost.

A process is identified by its id, which everything in it carries, or by its pid together with its start time.
"""

import contextlib
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from twelve.core.model import AppManifest, ProcessSpec, ProcessState, Slug
from twelve.stages.run.local import tree
from twelve.stages.run.local.copied import remove
from twelve.stages.run.local.life import STATUS, recorded_exit, recorded_first, recorded_init
from twelve.stages.run.local.limits import noted
from twelve.stages.run.processes import ProcessRecord


@dataclass(frozen=True, slots=True)
class Find:
    """`pid` is what `Life` waits for, None when it has ended; `waiting` when the process was between two lives."""

    record: ProcessRecord
    pid: int | None
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    finds: Sequence[Find]
    lost: Sequence[UUID]


def find(records: Iterable[ProcessRecord], specs: Mapping[UUID, ProcessSpec], directory: Path) -> Found:
    running = tree.carriers()
    finds: list[Find] = []
    lost: list[UUID] = []
    for record in records:
        status_file = directory / record.id.hex / STATUS
        pids = [*running.get(record.id, []), *_by_start_time(record, status_file)]
        if _is_whole(record, pids, status_file):
            finds.append(Find(record, _program(record, pids, status_file)))
        elif record.id in specs and recorded_exit(status_file) is not None:
            finds.append(Find(record, None, waiting=record.state == ProcessState.CRASHED))
        else:
            _end(pids)
            lost.append(record.id)
    return Found(finds, lost)


def sweep(places: Iterable[Path], known: Iterable[UUID]) -> None:
    """Directories of processes that are not on record: their start was cut off. Nothing else may start meanwhile."""
    names = {process.hex for process in known}
    for place in places:
        if place.name not in names:
            noted(place).remove()
            remove(place)


def bare_spec(record: ProcessRecord) -> ProcessSpec:
    """Enough to stop a process that belongs to no release any more."""
    return ProcessSpec(
        id=record.id,
        app_id=record.app_id,
        app=record.app,
        type=record.type,
        number=record.number,
        release_id=record.release_id,
        release_version=record.release_version,
        command=record.command,
        slug=Slug(record.release_id, "", (), {}, AppManifest()),
        env={},
        kept=False,
        size=record.size,
    )


def _is_whole(record: ProcessRecord, pids: Sequence[int], status_file: Path) -> bool:
    """Its sandbox still stands; without it, what is left of it cannot be supervised."""
    init = recorded_init(status_file)
    return bool(pids) and (init in pids or (init is None and record.pid in pids))


def _program(record: ProcessRecord, pids: Sequence[int], status_file: Path) -> int | None:
    init = recorded_init(status_file)
    if (first := recorded_first(status_file)) is not None:
        return first if tree.parent(first) == init else None
    above = record.pid if init is None else tree.parent(init)
    return above if above in pids else None


def _by_start_time(record: ProcessRecord, status_file: Path) -> list[int]:
    """What was recorded and still is what it was, and the init below it."""
    if record.pid is None or tree.start_time(record.pid) != record.pid_started:
        return []
    init = recorded_init(status_file)
    if init is None or not (tree.parent(init) == record.pid or tree.parent(record.pid) == init):
        return [record.pid]
    return [record.pid, init]


def _end(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
