"""Histories of one process, replayed: seconds it was up before each exit, and what happened in between."""

import pytest

from twelve.core.policy.restart import decide, delay

NEW_RELEASE, PS_RESTART = "release", "ps:restart"

HISTORIES = [
    ([0] * 12, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300], "never boots"),
    ([0.5, 0.5, 59.9, 0.5], [0, 1, 2, 4], "just short of steady"),
    ([0.5, 0.5, 60.0, 0.5], [0, 1, 0, 1], "steady once: its next exit is the first again"),
    ([3600, 3600, 3600], [0, 0, 0], "an exit an hour never waits"),
    ([0.5, 0.5, 0.5, NEW_RELEASE, 0.5, 0.5], [0, 1, 2, None, 0, 1], "a new release starts afresh"),
    ([0.5, 0.5, 0.5, PS_RESTART, 0.5], [0, 1, 2, None, 4], "a restart by hand does not"),
]


def replay(history):
    exits = 0
    for event in history:
        if event == NEW_RELEASE:
            exits = 0
        if isinstance(event, str):
            yield None
        else:
            restart = decide(exits, event)
            exits = restart.exits
            yield restart.delay


@pytest.mark.parametrize(("history", "delays"), [row[:2] for row in HISTORIES], ids=[row[2] for row in HISTORIES])
def test_histories(history, delays):
    assert list(replay(history)) == delays


@pytest.mark.parametrize(
    ("exits", "cap", "seconds"),
    [
        (0, 300, 0),  # has not exited yet
        (1, 300, 0),
        (10_000, 300, 300),  # no overflow, and never given up
        (5, 3, 3),
        (2, 0.5, 0.5),  # a cap under the first step
    ],
)
def test_delay(exits, cap, seconds):
    assert delay(exits, cap) == seconds


@pytest.mark.parametrize(
    ("exits_before", "notice"),
    [
        (0, None),
        (1, "Restart delayed 1s after 2 consecutive exits"),
        (3, "Restart delayed 4s after 4 consecutive exits"),
    ],
)
def test_only_a_restart_that_waits_is_announced(exits_before, notice):
    assert decide(exits_before, 0).notice == notice


def test_ten_restarts_fit_into_511_seconds():
    assert sum(delay(n) for n in range(1, 11)) == 511
