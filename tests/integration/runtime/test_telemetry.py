"""OpenTelemetry log records reach a real HTTP receiver when OTEL_ asks for them; without the packages a line says so."""

import json
import os
import subprocess
import sys

import pytest

from tests.support import collector

pytestmark = pytest.mark.integration

PROGRAM = """
import sys
for name in sys.argv[1:]:
    sys.modules[name] = None
from twelve_runtime import events
log = events.configure()
with events.bound(request_id="r-1"):
    log.info("note_saved", note=7, url="postgres://u:hunter2@h", tags=["a"])
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
events.flush()
"""


@pytest.fixture
def receiver():
    with collector.requests() as found:
        yield found


def ran(endpoint, *missing):
    environ = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": "notes"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *missing], env=environ, capture_output=True, text=True, check=True, timeout=60
    )


def test_events_are_sent_as_log_records_beside_the_lines(receiver):
    endpoint, received = receiver
    lines = [json.loads(line) for line in ran(endpoint).stdout.splitlines()]
    assert [line["event"] for line in lines] == ["note_saved", "failed"]
    assert {path for path, _ in received} == {"/v1/logs"}
    resources = [resource for _, request in received for resource in request.resource_logs]
    assert any(a.key == "service.name" and a.value.string_value == "notes" for a in resources[0].resource.attributes)
    saved, failed = (r for resource in resources for scope in resource.scope_logs for r in scope.log_records)
    attributes = {a.key: a.value for a in saved.attributes}
    assert (saved.body.string_value, saved.severity_text, saved.severity_number) == ("note_saved", "INFO", 9)
    assert attributes["note"].int_value == 7
    assert attributes["request_id"].string_value == "r-1"
    assert attributes["url"].string_value == "postgres://u:[redacted]@h"
    assert attributes["tags"].string_value == '["a"]'
    assert {a.key for a in failed.attributes} == {"exception.type", "exception.stacktrace"}


def test_without_the_packages_it_serves_and_says_what_to_install():
    lines = [json.loads(line) for line in ran("http://127.0.0.1:9", "opentelemetry").stdout.splitlines()]
    assert [line["event"] for line in lines] == ["telemetry_not_sent", "note_saved", "failed"]
    assert "install twelve-runtime[otel]" in lines[0]["reason"]
