"""Log lines for an OpenTelemetry collector: OTLP over HTTP, in the messages that OpenTelemetry itself generates.

Imported only where a drain needs it: protobuf takes time and memory.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from twelve.core.formats.syslog import Message

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Otlp:
    """The app is the service, each of its processes an instance of it; `log.source` tells its lines from ours."""

    def __init__(self, app: str, version: str) -> None:
        self._app = app
        self._scope = InstrumentationScope(name="twelve", version=version)
        self.headers = {"Content-Type": "application/x-protobuf", "User-Agent": f"twelve/{version}"}

    def about(self, _messages: Sequence[Message]) -> Mapping[str, str]:
        return {}

    def body(self, messages: Sequence[Message]) -> bytes:
        runs = groupby(messages, key=lambda message: (message.source, message.process))
        logs = [self._of_process(source, process, list(own)) for (source, process), own in runs]
        return bytes(ExportLogsServiceRequest(resource_logs=logs).SerializeToString())

    def _of_process(self, source: str, process: str, messages: Sequence[Message]) -> ResourceLogs:
        names = {"service.name": self._app, "service.instance.id": process, "log.source": source}
        resource = Resource(attributes=[KeyValue(key=key, value=_text(value)) for key, value in names.items()])
        records = [_record(message) for message in messages]
        return ResourceLogs(resource=resource, scope_logs=[ScopeLogs(scope=self._scope, log_records=records)])


def _record(message: Message) -> LogRecord:
    """The stamp is when the platform read the line: nobody knows better when the app wrote it."""
    stamp = (message.stamp - EPOCH) // MICROSECOND * 1000
    text = _text(message.text.decode(errors="replace"))
    return LogRecord(time_unix_nano=stamp, observed_time_unix_nano=stamp, body=text)


def _text(value: str) -> AnyValue:
    return AnyValue(string_value=value)
