"""`POST /invocations` as MLflow's scoring server and SageMaker have it, so that their clients go on working."""

import csv
import io
from collections.abc import Mapping
from typing import Any

import orjson

from twelve_runtime.artifacts.tensors import Signature
from twelve_runtime.ml.errors import BadInput, Problem, WrongType
from twelve_runtime.ml.model import Answer, Call
from twelve_runtime.ml.protocols import plain
from twelve_runtime.ml.protocols.dialect import JSON, OPTIONS, About, Asked, Dialect, Written, json, records

FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
CODES = {400: "BAD_REQUEST", 404: "RESOURCE_DOES_NOT_EXIST", 413: "BAD_REQUEST", 415: "BAD_REQUEST",
         503: "TEMPORARILY_UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}  # fmt: skip
Row = dict[str, Any]


def read(body: bytes, headers: Mapping[bytes, bytes], signature: Signature | None) -> Asked:
    kind, _, parameters = headers.get(b"content-type", JSON).decode("latin-1").lower().partition(";")
    _refuse_parameters(parameters)
    if kind.strip() == "text/csv":
        document: dict[str, Any] = {"dataframe_split": _csv(body)}
    else:
        document = json(body, headers)
    given = [name for name in FORMATS if name in document]
    if len(given) != 1:
        raise BadInput(f"The body has to hold exactly one of {', '.join(FORMATS)}.")
    return Asked(plain.arrays(_rows(given[0], document[given[0]], signature), signature), document)


def write(_: Asked, __: Call, answer: Answer, ___: About) -> Written:
    found = records(answer)
    if len(answer.outputs) == 1:
        name = next(iter(answer.outputs))
        return orjson.dumps({"predictions": [one[name] for one in found]}, option=OPTIONS), None
    return orjson.dumps({"predictions": found}, option=OPTIONS), None


def error(problem: Problem) -> bytes:
    return orjson.dumps({"error_code": CODES.get(problem.status, "INTERNAL_ERROR"), "message": str(problem)})


def _rows(name: str, value: Any, signature: Signature | None) -> list[Row]:
    match name, value:
        case "dataframe_split", {"data": list(rows), **more} if all(isinstance(row, list) for row in rows):
            found = _framed(more.get("columns"), rows, signature)
        case (("dataframe_records" | "instances" | "inputs"), list(rows)) if rows and all(
            isinstance(r, dict) for r in rows
        ):
            found = [_matrix(list(row), list(row.values()), signature) or row for row in rows]
        case (("instances" | "inputs"), list(rows)):
            found = [{_only(signature): row} for row in rows]
        case "inputs", dict(columns) if all(isinstance(column, list) for column in columns.values()):
            found = _transposed(columns)
        case _:
            raise BadInput(f'"{name}" is not in the form that it has in MLflow.')
    if not found:
        raise BadInput("There is no row to predict.")
    return found


def _framed(columns: Any, rows: list[list[Any]], signature: Signature | None) -> list[Row]:
    names = columns if columns is not None else list(range(len(rows[0]))) if rows else []
    if not isinstance(names, list) or any(len(row) != len(names) for row in rows):
        raise BadInput("The rows of dataframe_split do not have as many values as there are columns.")
    texts = [str(name) for name in names]
    return [_matrix(texts, row, signature) or dict(zip(texts, row, strict=True)) for row in rows]


def _matrix(names: list[str], row: list[Any], signature: Signature | None) -> Row | None:
    """A model with one matrix takes the columns as they come, unless they are called as its input is."""
    if signature is None or len(signature.inputs) != 1:
        return None
    tensor = signature.inputs[0]
    return None if len(tensor.shape) < 2 or tensor.name in names else {tensor.name: row}


def _only(signature: Signature | None) -> str:
    if signature is None:
        return "inputs"
    if len(signature.inputs) != 1:
        raise BadInput("The model has several inputs: name them, one object a row.")
    return signature.inputs[0].name


def _transposed(columns: dict[str, list[Any]]) -> list[Row]:
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        raise BadInput("The inputs have different numbers of rows.")
    return [{name: column[row] for name, column in columns.items()} for row in range(lengths.pop())]


def _csv(body: bytes) -> dict[str, Any]:
    try:
        lines = [line for line in csv.reader(io.StringIO(body.decode(), newline=""), strict=True) if line]
    except (UnicodeDecodeError, csv.Error) as wrong:
        raise BadInput(f"The body is not CSV: {wrong}.") from None
    if not lines:
        raise BadInput("The body has no header line.")
    return {"columns": lines[0], "data": [[_typed(cell) for cell in line] for line in lines[1:]]}


def _typed(cell: str) -> Any:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell or None


def _refuse_parameters(parameters: str) -> None:
    for parameter in filter(None, (part.strip() for part in parameters.split(";"))):
        if parameter.replace('"', "") not in {"charset=utf-8", "charset=utf8"}:
            raise WrongType(f"The content type's parameter {parameter[:40]!r} is not understood; charset=utf-8 is.")


DIALECT = Dialect(read, write, error, late=504)
