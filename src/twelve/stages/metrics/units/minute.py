"""The last minute of each variant, second by second, for the tripwire. Its memory is that of sixty small numbers."""

from collections import deque

from twelve.core.policy.readout.tripwire import PERIOD, Tally


class Minute:
    """Times in seconds, never going back by more than a second or so."""

    def __init__(self) -> None:
        self._seconds: dict[str, deque[tuple[int, Tally]]] = {}

    def add(self, variant: str, at: float, tally: Tally) -> None:
        steps = self._seconds.setdefault(variant, deque(maxlen=int(PERIOD)))
        if steps and steps[-1][0] >= int(at):
            steps[-1] = (steps[-1][0], steps[-1][1] + tally)
        else:
            steps.append((int(at), tally))

    def read(self, variant: str, now: float) -> Tally:
        steps = self._seconds.get(variant, ())
        return sum((tally for second, tally in steps if second > now - PERIOD), Tally())
