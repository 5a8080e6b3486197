"""Every fault once, under load: the sample of the storm that belongs to every test run."""

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.storm import strike

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_is_lost_when(world, lines, name):
    strike(world, lines, name)
