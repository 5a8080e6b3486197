"""The prediction event: one JSON line for each request, from which experiments, drift and audits are read.

A line never has more than 4,096 bytes: then the inputs give way to their SHA-256, and after them the outputs.
"""

import random
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson

from twelve_runtime.ml import emit
from twelve_runtime.ml.emit import LONGEST, OPTIONS
from twelve_runtime.ml.model import Answer, Call
from twelve_runtime.ml.settings import Settings
from twelve_runtime.ml.telemetry import Telemetry
from twelve_runtime.ml.tensors import Array, Arrays, plain

MOST_ROWS = 16  # of more rows only the first is shown
Fields = dict[str, Any]


class Predictions:
    """What every line says is put together once."""

    def __init__(self, settings: Settings, out: emit.Stdout) -> None:
        self._out = out
        self._telemetry = Telemetry(out)
        self._log = settings.log
        self._name = settings.name
        self._app, self._release, self._process = settings.app, settings.release, settings.process

    def answered(self, call: Call, inputs: Arrays, answer: Answer, latency: float) -> None:
        self._telemetry.dealt(call)
        if not self._wanted():
            return
        level = answer.level
        fields = self._fields(call, level.version, level.digest, answer.rows, latency, "ok")
        fields["fallback"], fields["fallback_reason"] = answer.fallback, answer.reason
        fields["output"] = _shown(answer.outputs, answer.rows)
        if confidence := _confidence(answer.outputs, answer.rows):
            fields["confidence"] = confidence
        self._out.line(self._line(fields, _shown(inputs, answer.rows)))
        self._telemetry.predicted(fields)

    def failed(self, call: Call, version: str, digest: str | None, rows: int, latency: float, kind: str) -> None:
        """`kind`: why there was no prediction."""
        self._telemetry.dealt(call)
        if self._wanted():
            fields = self._fields(call, version, digest, rows, latency, "error")
            fields["error_type"] = kind
            self._out.line(orjson.dumps(fields, option=OPTIONS))
            self._telemetry.predicted(fields)

    def flush(self) -> None:
        """Lines are never held; what OpenTelemetry holds is sent."""
        self._telemetry.flush()

    def _wanted(self) -> bool:
        log = self._log
        return log.mode != "off" and (log.mode != "sample" or random.random() < log.share)  # noqa: S311 - no secret

    def _fields(self, call: Call, version: str, digest: str | None, rows: int, latency: float, status: str) -> Fields:
        fields: Fields = {
            "event": "prediction",
            "schema": 1,
            "ts": emit.now(),
            "prediction_id": call.prediction_id,
            "request_id": call.request_id,
            "model_name": self._name,
            "model_version": version,
            "model_sha256": digest,
            "app": self._app,
            "release": self._release or call.release,
            "process": self._process,
            "variant": call.variant,
            "experiment": call.experiment,
            "phase": call.phase,
            "unit_hash": call.unit_hash,
            "rows": rows,
            "latency_ms": round(latency * 1000, 3),
            "status": status,
            "error_type": None,
            "fallback": 0,
            "fallback_reason": None,
        }
        if self._log.mode == "sample":
            fields["sample_rate"] = self._log.share
        if call.shadow:
            fields["shadow"] = True
        return fields

    def _line(self, fields: Fields, shown: Mapping[str, Any]) -> bytes:
        if self._log.mode != "meta":
            line = orjson.dumps(fields | {"input": shown}, option=OPTIONS)
            if len(line) <= LONGEST:
                return line
            fields["truncated"] = True
        fields["input_sha256"] = sha256(orjson.dumps(shown, option=orjson.OPT_SERIALIZE_NUMPY)).hexdigest()
        line = orjson.dumps(fields, option=OPTIONS)
        if len(line) > LONGEST:
            fields["output"], fields["truncated"] = None, True
            line = orjson.dumps(fields, option=OPTIONS)
        return line


def _shown(arrays: Arrays, rows: int) -> dict[str, Any]:
    if rows <= MOST_ROWS:
        return {name: plain(array) for name, array in arrays.items()}
    return {name: plain(array[:1]) for name, array in arrays.items()}


def _confidence(outputs: Mapping[str, Array], rows: int) -> list[float] | None:
    """The largest probability of each row that is shown, when an output holds probabilities."""
    for name, array in outputs.items():
        if name.startswith("prob") and array.ndim == 2 and array.dtype.kind == "f" and array.shape[1]:
            shown = array if rows <= MOST_ROWS else array[:1]
            return [round(max(row), 6) for row in shown.tolist()]
    return None
