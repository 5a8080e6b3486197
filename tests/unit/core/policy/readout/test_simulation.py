"""The quick form of `script/bench readout`: fewer runs, the same promises, with the room that chance needs."""

import pytest

from tests.support.readout_simulation import ALIKE, BETTER, play, play_guardrail, play_split

RUNS = 120


@pytest.mark.parametrize("cell", ALIKE, ids=lambda cell: cell.name)
def test_looking_often_does_not_find_what_is_not_there(cell):
    result = play(cell, RUNS)
    assert result.found <= 0.05
    assert result.naive > 0.15


@pytest.mark.parametrize(
    ("cell", "power"), list(zip(BETTER, [0.95, 0.75], strict=True)), ids=[cell.name for cell in BETTER]
)
def test_it_finds_what_is_there(cell, power):
    assert play(cell, RUNS // 2).found >= power


def test_a_wrong_split_is_found_and_a_right_one_is_not():
    assert play_split(0.5, 0.5, RUNS).blocked <= 0.01
    assert play_split(0.5, 0.52, RUNS).blocked >= 0.8


def test_guardrails_on_rare_errors():
    """Without a margin, to give chance its best chance; a control without any error at all."""
    assert play_guardrail((0.002, 0.002), 0.1, 0.0, RUNS // 2) <= 0.05
    assert play_guardrail((0.0, 0.05), 0.1, 0.01, RUNS // 4) == 1
