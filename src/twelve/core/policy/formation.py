"""The formation: how many processes of each type, how scaling changes it, and in which order a rollout boots them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar
from uuid import UUID

from twelve.core.errors import NotFound, UsageError
from twelve.core.model import AppManifest, Autoscale, FormationEntry, FormationWish
from twelve.core.policy import autoscale
from twelve.core.policy.numbers import HIGHEST
from twelve.core.policy.sizes import size_named

WEB = "web"
RELEASE = "release"  # runs once a release and is never scaled
ON_DEMAND = frozenset({"train", "gate"})  # one-offs of a retraining: nobody means one of each to run all the time
_EXCLUSIVE = re.compile(r"(.*-)?(clock|scheduler|beat|celerybeat)")  # "beat" is celery's clock
_QUANTITY = re.compile(r"[+-]?[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class ScaleUpdate:
    """`quantity` is "3", "+1", "-1" or a number; None leaves it, and so it does for `size`.

    A quantity without `autoscale` turns autoscaling off, and so does `manual`, which leaves the quantity.
    """

    type: str
    quantity: str | int | None = None
    size: str | None = None
    autoscale: Autoscale | None = None
    manual: bool = False


class Bootable(Protocol):
    @property
    def type(self) -> str: ...
    @property
    def wish(self) -> FormationWish: ...


B = TypeVar("B", bound=Bootable)


def is_exclusive(type_: str, wish: FormationWish | None = None) -> bool:
    """Whether two of it must never run at a time, not even for the seconds of a changeover."""
    if wish is not None and wish.rollout is not None:
        return wish.rollout == "exclusive"
    return _EXCLUSIVE.fullmatch(type_) is not None


def default_formation(
    app_id: UUID, process_types: Iterable[str], manifest: AppManifest, *, all_types: bool = False
) -> list[FormationEntry]:
    """At the first deploy: what app.json says, else one web and none of the others, or with `all_types` one of each."""
    return [
        FormationEntry(app_id, type_, _first_quantity(type_, wish, all_types=all_types), size_named(wish.size))
        for type_ in process_types
        for wish in [manifest.formation.get(type_, FormationWish())]
    ]


def _first_quantity(type_: str, wish: FormationWish, *, all_types: bool) -> int:
    if type_ == RELEASE:
        return 0
    if wish.quantity is not None:
        return wish.quantity
    return int((all_types and type_ not in ON_DEMAND) or type_ == WEB)


def apply(current: Mapping[str, FormationEntry], updates: Iterable[ScaleUpdate]) -> list[FormationEntry]:
    """The whole formation after all of the updates; none of them counts when one is refused."""
    formation = dict(current)
    for update in updates:
        if update.type not in formation:
            raise NotFound(
                f"Couldn't find that process type ({update.type}).",
                resource="formation",
                hint=f"There are {', '.join(sorted(formation))}." if formation else "Nothing is released yet.",
            )
        entry = formation[update.type]
        size = entry.size if update.size is None else size_named(update.size)
        changed = replace(entry, quantity=_quantity(entry, update), size=size)
        formation[update.type] = _autoscaled(changed, update)
    return list(formation.values())


def _autoscaled(entry: FormationEntry, update: ScaleUpdate) -> FormationEntry:
    asked = update.autoscale
    if asked is None:
        return replace(entry, autoscale=None) if update.manual or update.quantity is not None else entry
    if entry.type != WEB:
        raise UsageError(f"{entry.type} cannot be autoscaled: only the requests of web are measured.")
    autoscale.check(asked)
    return replace(entry, quantity=autoscale.within(asked, entry.quantity), autoscale=asked)


def _quantity(entry: FormationEntry, update: ScaleUpdate) -> int:
    if update.quantity is None:
        return entry.quantity
    if entry.type == RELEASE:
        raise UsageError("The release process type runs once in each release and cannot be scaled.")
    asked = str(update.quantity).strip()
    if not _QUANTITY.fullmatch(asked):
        raise UsageError(f'"{asked}" is not a quantity of {entry.type}.', hint="Give a number, or +1 or -1.")
    relative = isinstance(update.quantity, str) and asked[0] in "+-"
    quantity = int(asked) + (entry.quantity if relative else 0)
    if not 0 <= quantity <= HIGHEST:
        raise UsageError(f"{entry.type} cannot have {quantity} processes: 0 to {HIGHEST}.")
    return quantity


def batches(specs: Sequence[B]) -> list[list[B]]:
    """What boots at the same time, batch after batch: of each type at most its `max_parallel`, by default all."""
    rounds: list[list[B]] = []
    seen: dict[str, int] = {}
    for spec in specs:
        place = seen[spec.type] = seen.get(spec.type, 0) + 1
        turn = (place - 1) // (spec.wish.max_parallel or HIGHEST)
        while len(rounds) <= turn:
            rounds.append([])
        rounds[turn].append(spec)
    return rounds
