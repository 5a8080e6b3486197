"""A receiver of OpenTelemetry log records, over HTTP as the exporter sends them."""

import contextlib
import gzip
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest


@dataclass(frozen=True)
class Record:
    """`name` is that of the event, where it has one."""

    name: str
    attributes: dict


@contextlib.contextmanager
def requests():
    """Its address, and what came: (path, request)."""
    received = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            received.append((self.path, ExportLogsServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()


@contextlib.contextmanager
def collector():
    """Its address, and what gives the records so far."""
    with requests() as (endpoint, received):
        yield endpoint, lambda: [_record(one) for _, request in received for one in _records(request)]


def _records(request):
    return [one for resource in request.resource_logs for scope in resource.scope_logs for one in scope.log_records]


def _record(one):
    values = {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in one.attributes}
    return Record(one.event_name, values)
