"""Histories of a release's first minute, replayed: (type, status, seconds after the switch)."""

import pytest

from twelve.core.policy.probation import Exit, RollBack, decide

HISTORIES = [
    ([], [], None, "nothing happens"),
    ([("web", 1, 2)], [], None, "one exit may be chance"),
    ([("web", 1, 2), ("web", 1, 5)], [], RollBack("web", 2), "it keeps crashing"),
    ([("web", 0, 2), ("web", 0, 5)], [], RollBack("web", 2), "a web process that ends serves nobody, whatever its status"),
    ([("web", 1, 2), ("worker", 1, 5)], [], None, "one exit each"),
    ([("worker", 137, 2), ("web", 1, 3), ("worker", 1, 5)], [], RollBack("worker", 2), "any type counts"),
    ([("worker", 0, 2), ("worker", 0, 3)], [], None, "a worker with nothing left to do may end"),
    ([("web", 1, 2), ("web", 1, 60)], [], None, "the second one comes too late"),
    ([("web", 1, -0.5), ("web", 1, 59.9)], [], RollBack("web", 2), "before the switch it was its own process already"),
    ([("web", 1, 1), ("web", 1, 2)], [("web", 1, -3)], RollBack("web", 2), "one exit of the old one excuses nothing"),
    ([("worker", 1, 1), ("worker", 1, 2)], [("worker", 1, -300), ("worker", 1, -1)], None, "it crashed like that before"),
    ([("web", 1, 1), ("web", 1, 2)], [("worker", 1, -9), ("worker", 1, -1)], RollBack("web", 2), "another type did"),
    ([("web", 1, 1), ("web", 1, 2)], [("web", 1, -700), ("web", 1, -601)], RollBack("web", 2), "long ago"),
    ([("a", 1, 1), ("web", 1, 2), ("web", 1, 3), ("a", 1, 3), ("a", 1, 4)], [], RollBack("web", 2), "web is named first"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("own", "earlier", "verdict"), [row[:3] for row in HISTORIES], ids=[row[3] for row in HISTORIES]
)
def test_histories(own, earlier, verdict):
    assert decide([Exit(*exit_) for exit_ in own], [Exit(*exit_) for exit_ in earlier]) == verdict


def test_a_first_release_and_a_rollback_of_this_rule_stay():
    assert decide([Exit("web", 1, 1.0), Exit("web", 1, 2.0)], [], exempt=True) is None
