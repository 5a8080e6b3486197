"""The published case tables of both formats, row by row. They stand beside the checkout, in shared/data."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twelve.core.formats import dotenv, procfile
from twelve.core.formats.text import Diagnostic

TABLES = Path(__file__).parents[4].parent / "shared" / "data"


def rows(table: str) -> list[Any]:
    path = TABLES / table
    if path.is_file():
        return [pytest.param(case, id=case["case"]) for case in json.loads(path.read_text(encoding="utf-8"))]
    in_ci = os.environ.get("CI") == "true"
    marks = [] if in_ci else [pytest.mark.skip(reason=f"no case table at {path}: put shared/ beside the checkout")]
    return [pytest.param(None, id="absent", marks=marks)]


def check(case: dict[str, Any] | None, parse: Callable[[bytes], tuple[dict[str, str], list[Diagnostic]]]) -> None:
    assert case is not None, f"the case tables must be at {TABLES} in CI"
    result, notes = parse(case["input"].encode())
    errors = [note for note in notes if note.level == "error"]
    if "error_line" in case["expect"] and isinstance(case["expect"]["error_line"], int):
        assert (errors[0].line, errors[0].code) == (case["expect"]["error_line"], case["codes"][0])
    else:
        assert not errors
        assert list(result.items()) == list(case["expect"].items())
        assert [note.code for note in notes] == case.get("codes", [])
        assert bool(notes) == case.get("warn", False)


@pytest.mark.parametrize("case", rows("procfile-cases.json"))
def test_procfile(case):
    check(case, procfile.parse)


@pytest.mark.parametrize("case", rows("dotenv-cases.json"))
def test_dotenv(case):
    check(case, dotenv.parse)
