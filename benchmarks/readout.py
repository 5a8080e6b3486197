"""How often the read-out of a rollout is wrong, and how often it finds what is there. Prints one JSON line a figure.

Rollouts played with a fixed seed, 50 looks each: an A/A in four cells beside a t-test repeated at each look, and one
that is better by 3 percentage points. The functions are those the platform decides with.
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.support.readout_simulation import ALIKE, BETTER, LOOKS, play, play_guardrail, play_split

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
    missed += splits()
    line("the whole simulation", value=round(time.monotonic() - began, 1), unit="s")
    return 1 if missed else 0


def splits() -> int:
    right, wrong = play_split(0.5, 0.5, RUNS), play_split(0.5, 0.52, RUNS // 4)
    missed = tell("false alarms of the split's E-value", right.blocked, 0.001, right.blocked <= 0.001)
    line("false alarms of chi-square at each look", value=right.refused, unit="share of runs")
    missed += tell("52/48 instead of 50/50 found", wrong.blocked, 0.9, wrong.blocked >= 0.9)
    line("median units until then", value=wrong.median_units, unit="units")
    alarms = play_guardrail((0.002, 0.002), 0.1, 0.0, RUNS // 4)
    return missed + tell("false alarms of a guardrail, 0.2 % errors, 90/10", alarms, WRONG, alarms <= WRONG)


def tell(figure: str, value: float, goal: float, met: bool) -> bool:
    line(figure, value=round(value, 4), unit="share of runs", goal=goal, met=met, runs=RUNS, looks=LOOKS)
    return not met


def line(figure: str, **more: object) -> None:
    print(json.dumps({"bench": "readout", "figure": figure, **more}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
