"""After an operation that was cut off: which processes belong to the formation, and which are left over from it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from twelve.core.model import Process, ProcessState


def strays(processes: Iterable[Process], places: Mapping[tuple[str, int], UUID]) -> set[UUID]:
    """Those of another release than the one their place is for, those without a place, and all but one in each place.

    Of several in one place the one that is up stays, and of those the newest: it is what somebody asked for last.
    """
    found: set[UUID] = set()
    taken: dict[tuple[str, int], Process] = {}
    for process in sorted(processes, key=_worth, reverse=True):
        place = process.type, process.number
        if places.get(place) != process.release_id or place in taken:
            found.add(process.id)
        else:
            taken[place] = process
    return found


def _worth(process: Process) -> tuple[bool, datetime]:
    return process.state == ProcessState.UP, process.created_at
