"""A release's first minute: one that was healthy and then keeps crashing goes back to the one before it.

One exit may be chance. What crashed just as much before the switch is no fault of the new release.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

PERIOD = 60.0  # seconds after the switch
TROUBLED = 600.0  # seconds before it: twice the longest wait between two restarts, so both sides of one are seen
EXITS = 2  # of one type


@dataclass(frozen=True, slots=True)
class Exit:
    """`at` is seconds after the switch, negative before it."""

    type: str
    status: int
    at: float

    @property
    def is_crash(self) -> bool:
        """A web process has no reason to end; a worker with nothing left to do may, with status 0."""
        return self.type == "web" or self.status != 0


@dataclass(frozen=True, slots=True)
class RollBack:
    type: str
    exits: int


def decide(own: Sequence[Exit], earlier: Sequence[Exit], *, exempt: bool = False) -> RollBack | None:
    """None: keep it. `own`: exits of the release's processes; `earlier`: of the processes of releases before it.

    `exempt`: a first release, which has nothing to go back to, or one that this rule has made, which ends the matter.
    """
    if exempt:
        return None
    crashed = [exit_.type for exit_ in own if exit_.is_crash and exit_.at < PERIOD]
    always = _repeated([exit_.type for exit_ in earlier if exit_.is_crash and exit_.at > -TROUBLED])
    found = sorted(_repeated(crashed) - always, key=lambda type_: (type_ != "web", type_))
    return RollBack(found[0], crashed.count(found[0])) if found else None


def _repeated(types: Collection[str]) -> set[str]:
    return {type_ for type_ in types if list(types).count(type_) >= EXITS}
