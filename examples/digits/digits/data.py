"""`python -m digits.data [ROWS]`: the digits known so far, and the rows kept apart, as versions in the app's store.

The same rows make the same version, so it may be run as often as one likes.
"""

import csv
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from sklearn.datasets import load_digits
from twelve_runtime.artifacts import datasets
from twelve_runtime.artifacts.store import Store

PIXELS = 64
KEPT_APART = 500  # the last rows
KNOWN = 1200  # of the others, unless somebody says how many


def main(words: list[str]) -> None:
    """More rows are what a later month brings."""
    known = int(words[0]) if words else KNOWN
    store = Store.open(os.environ["MODEL_STORE_URL"])
    last = len(load_digits().target) - KEPT_APART
    for name, rows in (("digits", range(min(known, last))), ("digits-holdout", range(last, last + KEPT_APART))):
        with tempfile.TemporaryDirectory() as scratch:
            write(Path(scratch) / "digits.csv", rows)
            made = datasets.push(store, name, Path(scratch) / "digits.csv", rows=len(rows))
        print(f"{name}@{made.dataset.tree} {len(rows)} rows{'' if made.new else ', there already'}")


def write(path: Path, rows: Iterable[int]) -> None:
    """Columns X[0] to X[63], and what is true: `target`."""
    digits = load_digits()
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*(f"X[{pixel}]" for pixel in range(PIXELS)), "target"])
        table.writerows([*map(int, digits.data[row]), int(digits.target[row])] for row in rows)


if __name__ == "__main__":
    main(sys.argv[1:])
