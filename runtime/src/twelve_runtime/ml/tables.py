"""Rows of a dataset's CSV files as what a model takes: its inputs by name, the target, and columns to slice by.

An input of shape [-1] is a column of its name; one of shape [-1, k] the columns name[0] to name[k-1]. The column
`target` holds what is true. Every other column may be a slice.
"""

import csv
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TARGET = "target"
DTYPES: Mapping[str, type] = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "BYTES": np.str_,
}  # fmt: skip


class BadTable(Exception):
    """A file of a dataset that is no table, or not of this model; the message says which and where."""


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` by name, all of the same length, as text."""

    columns: Mapping[str, Sequence[str]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def column(self, name: str) -> Sequence[str]:
        try:
            return self.columns[name]
        except KeyError:
            raise BadTable(f'The data has no column "{name}": it has {_some(list(self.columns))}.') from None

    def input(self, name: str, datatype: str, shape: Sequence[int]) -> NDArray[Any]:
        """A tensor of the model's signature, one row a row of the table."""
        if len(shape) == 1:
            return _typed(name, self.column(name), datatype)
        width = int(np.prod(shape[1:]))
        parts = [_typed(f"{name}[{at}]", self.column(f"{name}[{at}]"), datatype) for at in range(width)]
        return np.stack(parts, axis=1).reshape(len(self), *shape[1:])

    def target(self, name: str = TARGET) -> NDArray[Any]:
        """Whole numbers, else numbers, else text."""
        found = np.asarray(self.column(name))
        for kind in (np.int64, np.float64):
            try:
                return found.astype(kind)
            except ValueError:
                continue
        return found

    def row_hashes(self, names: Iterable[str]) -> set[str]:
        """A digest of each row's values of these columns: the same row in another file has the same."""
        chosen = [[_plain(value) for value in self.column(name)] for name in names]
        return {hashlib.sha256("\x1f".join(row).encode()).hexdigest() for row in zip(*chosen, strict=True)}


def read(paths: Iterable[Path]) -> Table:
    """All CSV files among them, as one table; they must have the same columns."""
    files = sorted(path for path in paths if path.suffix == ".csv")
    if not files:
        raise BadTable("The dataset has no .csv file.")
    tables = [_read(path) for path in files]
    names = tables[0].keys()
    for path, table in zip(files, tables, strict=True):
        if table.keys() != names:
            raise BadTable(f"{path.name} has other columns than {files[0].name}.")
    return Table({name: [value for table in tables for value in table[name]] for name in names})


def below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def _read(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        names = next(rows, [])
        if not names or len(set(names)) != len(names):
            raise BadTable(f"{path.name}:1: the first line must name each column once.")
        columns: list[list[str]] = [[] for _ in names]
        for row in rows:
            if len(row) != len(names):
                raise BadTable(f"{path.name}:{rows.line_num}: {len(row)} values for {len(names)} columns.")
            for column, value in zip(columns, row, strict=True):
                column.append(value)
    return dict(zip(names, columns, strict=True))


def _typed(name: str, values: Sequence[str], datatype: str) -> NDArray[Any]:
    """An empty field of a number is missing: NaN."""
    try:
        if datatype in {"FP16", "FP32", "FP64"}:
            return np.asarray([value or "nan" for value in values]).astype(DTYPES[datatype])
        if datatype == "BOOL":
            return np.asarray([value.strip().lower() in {"1", "true", "yes"} for value in values])
        if datatype == "BYTES":
            return np.asarray(values, dtype=object)
        return np.asarray(values).astype(DTYPES[datatype])
    except (ValueError, KeyError) as error:
        raise BadTable(f'The column "{name}" is not {datatype}: {error}.') from None


def _plain(value: str) -> str:
    """1, 1.0 and 1e0 are one number."""
    try:
        return repr(float(value))
    except ValueError:
        return value


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
