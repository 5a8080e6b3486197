"""When a process of the formation that has exited starts again: at once, the next times after 1, 2, 4 ... seconds."""

from dataclasses import dataclass

STEADY = 60.0  # seconds up after which the exits before no longer count
CAP = 300.0


@dataclass(frozen=True, slots=True)
class Restart:
    """`exits` in a row, this one included, to be remembered for the next decision; `delay` in seconds."""

    exits: int
    delay: float

    @property
    def notice(self) -> str | None:
        """What the log says about a restart that waits."""
        return f"Restart delayed {self.delay:g}s after {self.exits} consecutive exits" if self.delay else None


def decide(exits_before: int, up: float, cap: float = CAP) -> Restart:
    """`exits_before`: in a row, of this process (web.1) in this release; `up`: seconds it was up, 0 if it never was."""
    exits = 1 if up >= STEADY else exits_before + 1
    return Restart(exits, delay(exits, cap))


def delay(exits_in_a_row: int, cap: float = CAP) -> float:
    if exits_in_a_row < 2:
        return 0.0
    return min(2.0 ** min(exits_in_a_row - 2, 62), cap)
