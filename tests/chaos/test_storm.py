"""Random faults for minutes, and everything killed again and again: `script/test --chaos`, `script/test --soak`.

CHAOS_SECONDS, CHAOS_SEED and SOAK_ROUNDS in the environment change how long and which.
"""

import os
import random
import secrets
import statistics
import time
from collections import Counter

import pytest

from tests.chaos.faults import FAULTS, NOTHING, everything
from tests.chaos.storm import strike
from tests.chaos.world import kill_all, timed

pytestmark = pytest.mark.integration


@pytest.mark.storm
@pytest.mark.timeout(3600)
def test_random_faults_lose_nothing(world, lines):
    seed = int(os.environ.get("CHAOS_SEED", secrets.randbelow(10**6)))
    until = time.monotonic() + float(os.environ.get("CHAOS_SECONDS", "300"))
    print(f"\nCHAOS_SEED={seed}")
    draw, reports = random.Random(seed), []
    while time.monotonic() < until:
        reports.append(strike(world, lines, draw.choice(list(FAULTS))))
    drawn = Counter(report.fault for report in reports)
    spared = [report for report in reports if FAULTS[report.fault].loses == NOTHING]
    print(f"{len(reports)} faults: {dict(drawn)}")
    print(
        f"{sum(len(one.lost) for one in spared)} of {sum(one.sent for one in spared)} requests lost, where none may be"
    )
    print(f"{sum(one.lines_lost for one in reports)} of {sum(one.lines for one in reports)} lines lost")


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_everything_killed_again_and_again_is_the_same_every_time(world):
    rounds, times = int(os.environ.get("SOAK_ROUNDS", "100")), []
    for number in range(1, rounds + 1):
        world.write()
        kill_all(everything(world))
        begun = time.monotonic()
        world.live.serve()
        timed(world.serves, "the first answer")
        times.append(time.monotonic() - begun)
        world.whole()
        print(f"round {number}: answers after {times[-1]:.2f} s, everything as before", flush=True)
    print(f"{rounds} rounds: first answer after {statistics.median(times):.2f} s, at most {max(times):.2f} s")
