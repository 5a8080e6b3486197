"""npm's ranges, one row a case."""

import pytest

from twelve.stages.build.semver import accepts

CASES = [
    ("", (24, 1, 0), True),
    ("*", (24, 1, 0), True),
    ("24", (24, 1, 0), True),
    ("20", (24, 1, 0), False),
    ("20.x", (20, 18, 0), True),
    ("20.X.x", (21, 0, 0), False),
    (">=18", (24, 19, 0), True),
    (">= 18.0.0", (18, 0, 0), True),
    (">=18 <21", (20, 18, 0), True),
    (">=18 <21", (21, 0, 0), False),
    (">=18 <=20", (20, 18, 0), True),
    (">20", (20, 18, 0), False),
    ("<20", (20, 0, 0), False),
    ("^20.10.0", (20, 18, 0), True),
    ("^20.19.0", (20, 18, 0), False),
    ("^0.2.3", (0, 2, 9), True),
    ("^0.2.3", (0, 3, 0), False),
    ("~20.18", (20, 18, 5), True),
    ("~20.17", (20, 18, 0), False),
    ("18 || 20 || 22", (20, 1, 0), True),
    ("18 || 22", (20, 1, 0), False),
    ("^18.0.0 || >=20.0.0", (24, 0, 0), True),
    ("18 - 20", (20, 18, 0), True),
    ("18.0.0 - 20.0.0", (20, 18, 0), False),
    ("=20.18.0", (20, 18, 0), True),
    ("v20.18.0", (20, 18, 0), True),
    ("20.18.0", (20, 18, 1), False),
]


@pytest.mark.parametrize(("range_", "version", "expected"), CASES)
def test_accepts(range_, version, expected):
    assert accepts(range_, version) is expected


@pytest.mark.parametrize("range_", ["latest", "node", ">= x18", "18 || nonsense", "!18"])
def test_what_is_no_range_is_said(range_):
    with pytest.raises(ValueError, match="not a range"):
        accepts(range_, (18, 0, 0))
