"""Predictions as OpenTelemetry log records, beside their lines, when OTEL_* asks for them.

Who was dealt which variant is the event `feature_flag.evaluation`, by the semantic conventions. For predictions
of models that are no language models there are none yet: their attributes are those of the line, below `ml.`.
"""

import os
from collections.abc import Mapping
from typing import Any

import orjson

from twelve_runtime import _otel
from twelve_runtime.ml.emit import Stdout
from twelve_runtime.ml.model import Call

OF_THE_LINE = {"event", "schema", "ts"}


class Telemetry:
    """Made before a fork, it sends from each child."""

    def __init__(self, out: Stdout) -> None:
        self._export, problem = _otel.export(os.environ, "twelve_runtime.ml")
        if problem:
            out.event("telemetry_not_sent", reason=problem)

    def predicted(self, fields: Mapping[str, Any]) -> None:
        if self._export:
            attributes = {f"ml.{name}": _attribute(value) for name, value in fields.items() if name not in OF_THE_LINE}
            self._export.named("prediction", attributes)

    def dealt(self, call: Call) -> None:
        """Copies to a shadow expose nobody to anything."""
        if self._export and call.experiment and not call.shadow:
            self._export.named(
                "feature_flag.evaluation",
                {
                    "feature_flag.key": call.experiment,
                    "feature_flag.result.variant": call.variant,
                    "feature_flag.result.reason": "split",
                    "feature_flag.provider.name": "twelve",
                    "feature_flag.context.id": call.unit_hash,
                    "feature_flag.version": call.phase,
                },
            )

    def flush(self) -> None:
        if self._export:
            self._export.flush()


def _attribute(value: Any) -> Any:
    """Tensors as JSON."""
    plain = value is None or isinstance(value, str | bool | int | float)
    return value if plain else orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
