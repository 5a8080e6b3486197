"""What became of a prediction: the app says it on stdout, and the readout joins it by prediction or by unit.

outcome("click", 1, prediction_id=answer["_meta"]["prediction_id"])
"""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from json import dumps
from uuid import uuid4


def outcome(
    name: str,
    value: float = 1,
    *,
    prediction_id: str | None = None,
    unit: str | None = None,
    unit_hash: str | None = None,
    outcome_id: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> str:
    """One line, unless OUTCOMES=off (as in shadow processes). Gives its id: an outcome told twice counts once.

    `unit` is hashed with the experiment's salt where it is read, and not kept.
    """
    if prediction_id is None and unit is None and unit_hash is None:
        raise ValueError("An outcome needs a prediction_id, a unit or a unit_hash to be joined by.")
    identity = outcome_id or str(uuid4())
    if (os.environ if environ is None else environ).get("OUTCOMES", "").lower() != "off":
        fields = {
            "event": "outcome", "schema": 1, "outcome_id": identity,
            "ts": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "prediction_id": prediction_id, "unit": unit, "unit_hash": unit_hash, "name": name, "value": value,
        }  # fmt: skip
        _write(dumps(fields, separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n")
    return identity


def _write(line: str) -> None:
    """One write, so that lines of several processes do not mix."""
    sys.stdout.flush()
    os.write(_stdout(), line.encode())


@cache
def _stdout() -> int:
    return sys.stdout.fileno()
