"""How often the read-out of a rollout is wrong, and how often it finds what is there. Prints one JSON line a figure.

Rollouts played with a fixed seed, 50 looks each: an A/A in four cells beside a t-test repeated at each look, and one
that is better by 3 percentage points. The functions are those the platform decides with.
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.support.readout_simulation import ALIKE, BETTER, LOOKS, play

RUNS = 2000
WRONG, NAIVE = 0.05, 0.15  # at most; at least
POWER = (0.95, 0.75)


def main() -> int:
    began, missed = time.monotonic(), 0
    for cell in ALIKE:
        result = play(cell, RUNS)
        missed += tell(f"false positives, {cell.name}", result.found, WRONG, result.found <= WRONG)
        missed += tell(f"false positives of a repeated t-test, {cell.name}", result.naive, NAIVE, result.naive > NAIVE)
    for cell, power in zip(BETTER, POWER, strict=True):
        result = play(cell, RUNS)
        missed += tell(f"power, {cell.name}", result.found, power, result.found >= power)
        line("median units until then, " + cell.name, value=result.median_units, unit="units")
    line("the whole simulation", value=round(time.monotonic() - began, 1), unit="s")
    return 1 if missed else 0


def tell(figure: str, value: float, goal: float, met: bool) -> bool:
    line(figure, value=round(value, 4), unit="share of runs", goal=goal, met=met, runs=RUNS, looks=LOOKS)
    return not met


def line(figure: str, **more: object) -> None:
    print(json.dumps({"bench": "readout", "figure": figure, **more}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
