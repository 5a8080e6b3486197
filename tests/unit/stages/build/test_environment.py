import pytest
from packaging.version import Version

from twelve.stages.build.environment import setuptools


@pytest.mark.parametrize(
    ("python", "pin"),
    [
        ("3.8.18", "setuptools==75.3.2"),
        ("3.9.0", "setuptools==80.9.0"),
        ("3.11.7", "setuptools==80.9.0"),
        ("3.12.0", ""),
        ("3.13.0", ""),
    ],
)
def test_only_old_pythons_come_with_setuptools(python, pin):
    assert setuptools(Version(python)) == pin
