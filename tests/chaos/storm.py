"""One fault under load, and what must be true afterwards: used by the matrix, by the storm and by nobody else."""

import time
from dataclasses import dataclass

from tests.chaos.faults import FAULTS, MEANWHILE, NOTHING
from tests.chaos.world import LINE_PAUSE, Lines, World
from tests.support.load import Load

AROUND = 0.3  # seconds of load before and after
MOMENT = round(1 / LINE_PAUSE)  # lines in a pipe nobody keeps: none when it is quiet, some on a busy machine


@dataclass(frozen=True)
class Report:
    fault: str
    seconds: float
    sent: int
    lost: list
    lines: int
    lines_lost: int

    def __str__(self) -> str:
        return (
            f"{self.fault}: whole after {self.seconds:.2f} s; {len(self.lost)} of {self.sent} requests lost, "
            f"{self.lines_lost} of {self.lines} lines"
        )


def strike(world: World, lines: Lines, name: str) -> Report:
    fault, seen = FAULTS[name], lines.count
    port, host = world.live.router_port, world.host
    with Load(port, host, path="/?seconds=0") as fast, Load(port, host, path="/?seconds=1", rate=5) as slow:
        time.sleep(AROUND)
        seconds = fault.strike(world)
        time.sleep(AROUND)
    world.write()
    world.whole()
    lines.fresh()
    gaps = lines.lost()
    report = Report(
        name,
        seconds,
        fast.sent + slow.sent,
        [*fast.failures, *slow.failures],
        lines.count - seen,
        sum(map(len, gaps.values())),
    )
    print(report, flush=True)
    if fault.loses == NOTHING:
        assert report.lost == [], f"{name} lost requests: {report.lost}"
    if fault.loses != MEANWHILE:
        assert [one for one in report.lost if "refused" in one.what] == [], f"{name} sent away: {report.lost}"
    assert report.lines_lost <= (MOMENT if fault.forgets else 0), f"{name} lost lines: {gaps}"
    return report
