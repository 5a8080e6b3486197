"""What apps say about a rollout in their logs: a line is a JSON object with an "event". Pure, any language.

    {"event": "outcome", "name": "click", "value": 1, "unit": "u1", "outcome_id": "…", "ts": "2026-01-31T10:00:00Z"}
    {"event": "prediction", "prediction_id": "…", "experiment": "ranker.1", "phase": 2, "unit_hash": "…", "fallback": 0}

Instead of its unit an outcome may have the unit's hash, as the front door's headers give it, or the id of a prediction.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

WORDS = (b'"outcome"', b'"prediction"')  # one of them is in every line that counts
LONGEST = 128  # characters of an id or a name
HIGHEST = 1e15

_HASH = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One of `unit`, `unit_hash` and `prediction_id` says whose it is. `id` is None where nobody counts twice."""

    name: str
    value: float = 1.0
    id: str | None = None
    at: datetime | None = None
    unit: str | None = None
    unit_hash: str | None = None
    prediction_id: str | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """`fallback` when another than the model that was meant gave the answer."""

    id: str | None
    experiment: str
    phase: int
    unit_hash: str
    fallback: bool


def speaks(lines: bytes) -> bool:
    """Whether it is worth looking at every line."""
    return any(word in lines for word in WORDS)


def events(lines: bytes) -> Iterator[Outcome | Prediction]:
    """Of whole lines; what is malformed counts for nothing."""
    for line in lines.split(b"\n"):
        if line[:1] == b"{" and speaks(line) and (found := event(line)) is not None:
            yield found


def event(line: bytes) -> Outcome | Prediction | None:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    match told.get("event"):
        case "outcome":
            return _outcome(told)
        case "prediction":
            return _prediction(told)
        case _:
            return None


def _outcome(told: Mapping[str, object]) -> Outcome | None:
    name, value = _word(told.get("name")), _number(told.get("value", 1))
    found = Outcome(
        name=name or "",
        value=value or 0.0,
        id=_word(told.get("outcome_id")),
        at=_moment(told.get("ts")),
        unit=_unit(told.get("unit")),
        unit_hash=_hash(told.get("unit_hash")),
        prediction_id=_word(told.get("prediction_id")),
    )
    whose = found.unit or found.unit_hash or found.prediction_id
    return found if name and value is not None and whose else None


def _prediction(told: Mapping[str, object]) -> Prediction | None:
    experiment, unit_hash, phase = _word(told.get("experiment")), _hash(told.get("unit_hash")), told.get("phase")
    number = int(phase) if isinstance(phase, (int, str)) and str(phase).isdecimal() and len(str(phase)) < 10 else None
    if experiment is None or unit_hash is None or number is None or told.get("shadow"):
        return None
    fallback = told.get("fallback")
    fell = isinstance(fallback, (int, float)) and fallback > 0
    return Prediction(_word(told.get("prediction_id")), experiment, number, unit_hash, fell)


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= LONGEST and _is_text(value) else None


def _unit(value: object) -> str | None:
    """Languages that have numbers for ids print them without quotes."""
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return text if len(text) <= 4096 and _is_text(text) else None


def _is_text(value: str) -> bool:
    """Neither empty nor what no database and no hash takes: half a surrogate pair, a zero byte."""
    try:
        return bool(value.encode()) and "\0" not in value
    except UnicodeEncodeError:
        return False


def _hash(value: object) -> str | None:
    return value if isinstance(value, str) and _HASH.fullmatch(value) else None


def _number(value: object) -> float | None:
    if not isinstance(value, (int, float)) or not -HIGHEST <= value <= HIGHEST or math.isnan(value):
        return None
    return float(value)


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        stamp = datetime.fromisoformat(value)
        return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
