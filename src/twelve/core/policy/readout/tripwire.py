"""When a rollout must end at once: safety, not statistics. Pure; the caller counts the last minute."""

from dataclasses import dataclass

PERIOD = 60.0  # seconds that are looked at
FEW, MOST = 20, 0.5  # so many requests, this share of them failed
MANY, SOME, TIMES = 500, 0.05, 5  # so many requests, this share, and so many times the control's


@dataclass(frozen=True, slots=True)
class Tally:
    requests: int = 0
    failures: int = 0

    @property
    def share(self) -> float:
        return self.failures / self.requests if self.requests else 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.requests + other.requests, self.failures + other.failures)


def tripped(treatment: Tally, control: Tally) -> str | None:
    """Why the treatment must stop, as the rest of a sentence; None while it may go on."""
    told = f"{treatment.failures} of its {treatment.requests} requests failed in the last {PERIOD:g} s"
    if treatment.requests >= FEW and treatment.share >= MOST:
        return told
    worse = treatment.share >= SOME and treatment.share >= TIMES * control.share
    if treatment.requests >= MANY and worse:
        return f"{told}, the control's share is {control.share:.1%}"
    return None
