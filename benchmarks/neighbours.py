"""One app that misbehaves, and its neighbour: latency through the front door, in turns without and beside it.

`python benchmarks/neighbours.py [ROUNDS]`. The neighbour has two web processes, the other a worker that takes all it
can get of one thing; each round measures both, so that what else the machine does meets both alike. Requests leave on
time whatever became of the last (open loop), each on a connection of its own. Nobody to compare with: honcho, circus
and supervisord set no limits, and a fork bomb under them ends the machine. One JSON line a plague.
"""

import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.live import FIXTURES, Live, running, wait_for
from tests.support.load import Load
from tests.support.plagues import PLAGUES, plague

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
SECONDS, RATE = 5.0, 100
GOAL = 2.0  # times the p99 without it


@dataclass
class Latencies:
    """Milliseconds, one of each a round."""

    median: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def shown(self) -> dict[str, float]:
        return {"p50": round(statistics.median(self.median), 2), "p99": round(statistics.median(self.p99), 2)}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="twelve-bench-") as scratch, running(Path(scratch) / "home") as live:
        live.up(FIXTURES / "slow", "quiet")
        live.cli("scale", "web=2", "--app", "quiet")
        wait_for(lambda: all(one["state"] == "up" for one in live.processes("quiet")), "both processes")
        for name, code in PLAGUES.items():
            beside(live, Path(scratch), name, code)


def beside(live: Live, scratch: Path, name: str, code: str) -> None:
    without, with_it = Latencies(), Latencies()
    for round_ in range(ROUNDS):
        measure(live, without)
        with plague(live, scratch / f"{name.rsplit(maxsplit=1)[-1]}-{round_}", code):
            measure(live, with_it)
    times = sorted(beside / calm for calm, beside in zip(without.p99, with_it.p99, strict=True))
    line = {"bench": "neighbours", "figure": f"latency beside {name}", "unit": "ms"}
    line |= {"without": without.shown(), "value": with_it.shown()}
    line |= {"times the p99": round(statistics.median(times), 2), "most": round(times[-1], 2), "goal": GOAL}
    print(json.dumps(line), flush=True)


def measure(live: Live, latencies: Latencies) -> None:
    with Load(live.router_port, "quiet.localhost", rate=RATE, path="/?seconds=0") as load:
        time.sleep(SECONDS)
    if load.failures:
        raise SystemExit(f"{len(load.failures)} requests failed: {load.failures[0].what}")
    latencies.median.append(load.outcome.percentile(0.5) * 1000)
    latencies.p99.append(load.outcome.percentile(0.99) * 1000)


if __name__ == "__main__":
    main()
