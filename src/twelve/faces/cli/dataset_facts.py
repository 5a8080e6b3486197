"""What a directory of training data says about itself: its files, its rows, where it came from."""

import csv
import re
from pathlib import Path

from twelve_runtime.artifacts import blobs, datasets
from twelve_runtime.artifacts.manifest import File

LINES = {".jsonl", ".ndjson"}
DVC = re.compile(r"^\s*-?\s*md5:\s*['\"]?([0-9a-f]{32}(?:\.dir)?)['\"]?\s*$", re.MULTILINE)


def files_of(path: Path) -> tuple[File, ...]:
    return tuple(blobs.described(inside, place) for inside, place in datasets.listed(path).items())


def rows_of(path: Path) -> int | None:
    """None unless every file is a table whose rows can be counted."""
    places = datasets.listed(path).values()
    if not all(place.suffix.lower() in {".csv", *LINES} for place in places):
        return None
    return sum(map(_rows, places))


def source_of(path: Path, given: str | None) -> dict[str, str]:
    """Text as it was given, and the digest of a DVC file that stands beside the data."""
    found = {"given": given} if given else {}
    beside = path.with_name(f"{path.name}.dvc")
    if beside.is_file() and (digest := DVC.search(beside.read_text(errors="replace"))):
        found["dvc_md5"] = digest[1]
    return found


def _rows(place: Path) -> int:
    """A CSV file's first line is its header."""
    with place.open(newline="", encoding="utf-8", errors="replace") as file:
        if place.suffix.lower() in LINES:
            return sum(1 for line in file if line.strip())
        return max(0, sum(1 for row in csv.reader(file) if row) - 1)
