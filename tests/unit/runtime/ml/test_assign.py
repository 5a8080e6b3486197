"""Units and their buckets: the formula that router, SQL and library share."""

import pytest
from twelve_runtime.ml import assign
from twelve_runtime.ml.errors import BadConfig

from twelve.core.policy import assign as platform

VECTORS = [
    ("exp1", "u1", 896),
    ("exp1", "user-0", 3588),
    ("exp1", "ü-ñ", 9368),
    ("checkout-ranker.1", "42", 9068),
    ("checkout-ranker.1", "43", 1354),
    ("checkout-ranker.2", "42", 3234),
]
EXAMPLE = "salt=checkout-ranker.1;unit=header:x-user-id;a=3;b=4:0-999,2000-2999;c=5:1000-1999"


@pytest.mark.parametrize(("salt", "unit", "number"), VECTORS)
def test_the_vectors(salt, unit, number):
    assert assign.bucket(salt, unit) == number


def test_the_platform_says_the_same_of_any_unit():
    for number in range(500):
        unit = f"unit {number} é"
        assert assign.bucket("exp.7", unit) == platform.bucket("exp.7", unit)
        assert assign.unit_hash("exp.7", unit) == platform.unit_hash("exp.7", unit)


def test_a_variant_owns_its_ranges_and_the_control_the_rest():
    experiment = assign.parse(EXAMPLE)
    units = [str(number) for number in range(4000)]
    for unit in units:
        number = assign.bucket(experiment.salt, unit)
        owner = "c" if 1000 <= number < 2000 else "b" if number < 3000 else "a"
        assert experiment.variant(unit).name == owner
    assert (experiment.source, experiment.key, experiment.control.version) == ("header", "x-user-id", "3")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a=3;b=4:0-999", "needs a salt"),
        ("salt=s;unit=body:x;a=3;b=4:0-9", "needs a salt and a unit"),
        ("salt=a|b;unit=query:u;a=3;b=4:0-9", "needs a salt"),
        ("salt=s;unit=query:u;a=3", "at least one with them"),
        ("salt=s;unit=query:u;a=3;b=4", "one variant without buckets"),
        ("salt=s;unit=query:u;a=3;b=4:0-99;c=5:50-60", "bucket 50 belongs to b and to c"),
        ("salt=s;unit=query:u;a=3;b=4:9-1", "'9-1' of variant b"),
        ("salt=s;unit=query:u;a=3;b=4:0-10000", "'0-10000' of variant b"),
        ("salt=s;unit=query:u;a=3;a=4:0-9", "twice"),
    ],
)
def test_what_is_no_experiment_is_told(text, said):
    with pytest.raises(BadConfig, match=said):
        assign.parse(text)
