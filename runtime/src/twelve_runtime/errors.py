"""What can be wrong before an app serves, and the exit codes that processes end with.

RuntimeProblem
├── ConfigError    the environment lacks keys, or they hold what cannot be used
├── BadUrl         a resource's URL cannot be read
└── Unreachable    a resource did not answer in time
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

FAILED = 1
USAGE = os.EX_USAGE  # 64: the command line, or a question that nobody can answer
UNAVAILABLE = os.EX_UNAVAILABLE  # 69: a backing service
BUSY = os.EX_TEMPFAIL  # 75: somebody else does it at the moment
CONFIG = os.EX_CONFIG  # 78: the environment


class RuntimeProblem(Exception):
    """Something that a person has to put right; its text holds no secret."""

    exit_code = FAILED


@dataclass(frozen=True, slots=True)
class Problem:
    """`key` is missing: set it."""

    key: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.key} {self.what}: {self.remedy}".lstrip()


class ConfigError(RuntimeProblem):
    """Every key that is missing or cannot be used, at once."""

    exit_code = CONFIG

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 key is wrong" if len(self.problems) == 1 else f"{len(self.problems)} keys are wrong"
        lines = [f"{name} cannot be read from the environment, {count}:", *(f"  {each}." for each in self.problems)]
        super().__init__("\n".join(lines))


class BadUrl(RuntimeProblem, ValueError):
    """A URL that no client can be made from."""

    exit_code = CONFIG


class Unreachable(RuntimeProblem):
    """A backing service that did not answer before the deadline, or that refuses us."""

    exit_code = UNAVAILABLE
