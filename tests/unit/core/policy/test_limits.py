"""What each size allows, and the files of a control group that say so."""

import pytest

from twelve.core.policy.limits import files, limits
from twelve.core.policy.memory import MIB


@pytest.mark.parametrize(
    ("size", "memory", "processes", "share"),
    [
        ("eco", 1024, 256, 1),
        ("standard-1x", 1024, 256, 1),
        ("standard-2x", 2048, 512, 2),
        ("performance-m", 5120, 1280, 5),
        ("Performance-L", 28672, 7168, 28),
    ],
)
def test_in_proportion_to_the_quota(size, memory, processes, share):
    allowed = limits(size)
    assert (allowed.memory, allowed.processes, allowed.share) == (memory * MIB, processes, share)


@pytest.mark.parametrize(
    ("controller", "version", "written"),
    [
        ("memory", 1, {"memory.limit_in_bytes": "2147483648", "memory.memsw.limit_in_bytes?": "2147483648"}),
        ("memory", 2, {"memory.max": "2147483648", "memory.swap.max?": "0", "memory.oom.group?": "1"}),
        ("cpu", 1, {"cpu.shares": "512"}),
        ("cpu", 2, {"cpu.weight": "50"}),
        ("pids", 1, {"pids.max": "512"}),
        ("pids", 2, {"pids.max": "512"}),
    ],
)
def test_the_files_of_a_group(controller, version, written):
    assert files(controller, version, limits("standard-2x")) == written
