"""The quick form of `script/bench readout`: fewer runs, the same promises, with the room that chance needs."""

import pytest

from tests.support.readout_simulation import ALIKE, BETTER, play

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
