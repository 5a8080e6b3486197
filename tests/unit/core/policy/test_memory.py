"""Samples of a process's memory against its quota of 512 MiB; the lines as Heroku writes them."""

import pytest

from twelve.core.policy.memory import MIB, Usage, Verdict, decide, vast

QUOTA = 512 * MIB
R14 = "Error R14 (Memory quota exceeded)"
R15 = "Error R15 (Memory quota vastly exceeded)"
WARNING = Verdict(("Process running mem=870M(170.1%)", R14))
END = Verdict(("Process running mem=1038M(202.8%)", R15, "Stopping process with SIGKILL"), kill=True)
A_870 = int(870.9 * MIB)  # whole MiB, cut; the percentage of the exact value

TABLE = [
    (512, 512, None, Verdict(), "all of it, and no more"),
    (870.9, 870.9, None, WARNING, "above it"),
    (870.9, 100, None, WARNING, "the file cache counts for the warning"),
    (870.9, 870.9, 19.9, Verdict(), "warned just now"),
    (870.9, 870.9, 20, WARNING, "warned a while ago"),
    (1024, 1024, 1, Verdict(), "twice of it, and no more"),
    (1038.4, 1038.4, 1, END, "vastly above"),
    (1038.4, 500, 1, Verdict(), "the file cache kills nobody"),
]


@pytest.mark.parametrize(
    ("total", "own", "since", "verdict"), [row[:4] for row in TABLE], ids=[row[4] for row in TABLE]
)
def test_samples(total, own, since, verdict):
    assert decide(Usage(int(total * MIB), int(own * MIB)), QUOTA, since) == verdict


def test_what_the_kernel_ended_is_told_with_the_hard_limit():
    assert vast(2 * QUOTA, QUOTA).lines[0] == "Process running mem=1024M(200.0%)"
