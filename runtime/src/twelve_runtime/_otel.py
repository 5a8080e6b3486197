"""OpenTelemetry log records beside the lines, when OTEL_* asks for them; trace ids in the lines, when there are any."""

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

ASKED_BY = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT")
NAMES = {"error": "exception.type", "exception": "exception.stacktrace", "logger": "code.namespace"}
SEVERITY = {"debug": 5, "info": 9, "warning": 13, "error": 17, "critical": 21}
FLUSH = 5000  # milliseconds


def wanted(environ: Mapping[str, str]) -> bool:
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if chosen := environ.get("OTEL_LOGS_EXPORTER", ""):
        return "otlp" in chosen.split(",")
    return any(environ.get(name) for name in ASKED_BY)


def export(environ: Mapping[str, str], scope: str) -> "tuple[Export | None, str]":
    """The exporter, or why there is none though it was asked for: telemetry is no reason not to serve."""
    if not wanted(environ):
        return None, ""
    try:
        return Export(scope), ""
    except ImportError:
        return None, "OTEL_ variables are set, but OpenTelemetry is missing: install twelve-runtime[otel]"


class Export:
    """Batched and sent by a thread of the SDK, which reads endpoint, headers and service name from OTEL_* itself."""

    def __init__(self, scope: str) -> None:
        # ruff: noqa: PLC0415 - large, and only for those who ask for it
        from opentelemetry._logs import LogRecord, SeverityNumber
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

        self._record = LogRecord
        self._severity = SeverityNumber
        self._provider = LoggerProvider()
        self._provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
        self._logger = self._provider.get_logger(scope)

    def __call__(self, event: Mapping[str, Any]) -> None:
        level = str(event.get("level", "info"))
        left = {name: value for name, value in event.items() if name not in {"ts", "level", "event"}}
        named = {NAMES.get(name, name): value for name, value in left.items()}
        self._emit(level, named, body=str(event.get("event", "")))

    def named(self, name: str, attributes: Mapping[str, Any]) -> None:
        """An event by OpenTelemetry's own name for it."""
        self._emit("info", attributes, event_name=name)

    def _emit(
        self, level: str, attributes: Mapping[str, Any], *, body: str | None = None, event_name: str | None = None
    ) -> None:
        record = self._record(
            timestamp=time.time_ns(),
            severity_text=level.upper(),
            severity_number=self._severity(SEVERITY.get(level, 9)),
            attributes={name: _attribute(value) for name, value in attributes.items() if value is not None},
            body=body,
            event_name=event_name,
        )
        self._logger.emit(record)

    def flush(self) -> None:
        self._provider.force_flush(FLUSH)


def _attribute(value: Any) -> str | bool | int | float:
    return value if isinstance(value, str | bool | int | float) else json.dumps(value, ensure_ascii=False, default=str)


def trace() -> dict[str, str]:
    """Of the span in hand, where the app traces itself."""
    api = sys.modules.get("opentelemetry.trace")
    if api is None:
        return {}
    context = api.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
