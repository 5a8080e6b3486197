"""Events are JSON lines on stdout: one write each, nothing secret, whatever is handed over; other libraries' lines too."""

import json
import logging
import math
import os
import subprocess
import sys
import warnings
from datetime import UTC, datetime

import pytest
import structlog
from pydantic import SecretStr
from twelve_runtime import events
from twelve_runtime._otel import wanted
from twelve_runtime.events._lines import encode, fields


@pytest.fixture(autouse=True)
def restored():
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.excepthook
    yield
    root.handlers[:], root.level, sys.excepthook = before[0], before[1], before[2]
    logging.captureWarnings(False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def lines(capsys):
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_event_is_a_line_with_its_time_level_and_name(lines):
    log = events.configure(app="notes")
    log.info("note_saved", note=7, when=datetime(2027, 1, 1, tzinfo=UTC))
    (line,) = lines()
    assert list(line) == ["ts", "level", "event", "app", "note", "when"]
    assert datetime.fromisoformat(line.pop("ts")).tzinfo
    assert line == {
        "level": "info", "event": "note_saved", "app": "notes", "note": 7, "when": "2027-01-01T00:00:00+00:00",
    }  # fmt: skip


def test_what_is_below_the_level_is_not_said(lines, monkeypatch):
    monkeypatch.setenv("LOG_LEVEL", "WARNING")
    log = events.configure()
    log.info("quiet")
    logging.getLogger("lib").info("quiet")
    log.warning("said")
    assert [line["event"] for line in lines()] == ["said"]


def test_an_unknown_level_is_told_and_info_is_meant(lines):
    events.configure("loud").info("said")
    assert [line["event"] for line in lines()] == ["log_level_unknown", "said"]


def test_secrets_are_masked_by_name_and_in_urls_however_deep(lines):
    log = events.configure()
    log.info(
        "called redis://:hunter2@h",
        headers={"Authorization": "Bearer hunter2", "Accept": "x"},
        urls=["postgres://u:hunter2@h/d"],
        deep={"a": [{"password": b"hunter2"}]},
        wrapped=SecretStr("hunter2"),
        error=ValueError("no postgres://u:hunter2@h/d"),
        api_key="hunter2",
        max_tokens=1543,
        token=1543,
    )
    text = json.dumps(lines())
    assert "hunter2" not in text
    assert text.count("1543") == 2
    assert '"Accept": "x"' in text


class Awkward:
    def __str__(self):
        raise RuntimeError("no")


def loop():
    made = {}
    made["self"] = made
    return made


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, b"\xff", "\ud800", "a\nb\u2028c\x00", Awkward(), loop(), {("a", 1): 2}, object, [[[[[[[[[[[1]]]]]]]]]]], {1, 2}, "x" * 100_000, 10**5000],
    ids=range(13),
)  # fmt: skip
def test_any_value_becomes_one_line_of_json(lines, value, capsys):
    events.configure().info("odd", value=value)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert len(out) < 20_000
    assert json.loads(out)["event"] == "odd"


def test_errors_are_told_with_type_and_stack_in_the_same_line(lines):
    log = events.configure()
    try:
        int("postgres://u:hunter2@h is down")
    except ValueError:
        log.exception("failed")
        logging.getLogger("lib").exception("failed too")
    first, second = lines()
    assert (first["level"], first["error"]) == ("error", "ValueError")
    assert "test_events.py" in first["exception"]
    assert "hunter2" not in first["exception"] + second["exception"]
    assert (second["logger"], second["event"]) == ("lib", "failed too")


def test_the_standard_librarys_logging_and_warnings_are_in_the_stream(lines):
    log = events.configure()
    with events.bound(request_id="r-1"):
        logging.getLogger("lib.part").warning("%s of %d", "one", 2, extra={"part": "a"})
        logging.getLogger().handlers[-1].handle(
            logging.makeLogRecord({"name": "lib", "msg": "%d", "args": ("no number",)})
        )
        log.info("own")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    library, broken, own, warning = lines()
    assert (library["event"], library["logger"], library["part"]) == ("one of 2", "lib.part", "a")
    assert broken["event"] == "%d (its arguments do not fit: TypeError)"
    assert library["request_id"] == own["request_id"] == "r-1"
    assert "request_id" not in warning
    assert "DeprecationWarning: old" in warning["event"]


def test_servers_that_log_to_the_terminal_in_a_format_of_their_own_are_taken_in(lines):
    server = logging.getLogger("aserver.access")
    server.addHandler(logging.StreamHandler(sys.stdout))
    server.propagate = False
    kept = logging.getLogger("afile")
    kept.addHandler(logging.NullHandler())
    events.configure()
    server.warning("served")
    assert [line["event"] for line in lines()] == ["served"]
    assert kept.handlers


def test_a_logger_made_at_the_top_of_a_module_follows_the_setup(lines):
    early = events.logger("notes.web")
    events.configure(app="notes")
    early.info("said")
    assert lines()[0]["logger"] == "notes.web"


def test_the_request_id_is_at_hand():
    assert events.request_id() == ""
    with events.bound(request_id="r-1"):
        assert events.request_id() == "r-1"
    assert events.request_id() == ""


PROGRAM = """
import os, sys, threading
from twelve_runtime import events
log = events.configure()
print("printed")
{body}
"""


def ran(body, **options):
    command = [sys.executable, "-c", PROGRAM.format(body=body)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)


def test_a_line_is_one_write_and_threads_do_not_mix_theirs():
    body = """
text = "x" * 9000  # more than a pipe takes in one piece
threads = [threading.Thread(target=lambda n=n: [log.info("said", n=n, text=text) for _ in range(40)]) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
"""
    lines = ran(body).stdout.splitlines()
    assert lines[0] == "printed"
    assert len([json.loads(line) for line in lines[1:]]) == 320


def test_what_nobody_catches_is_one_line_too():
    done = ran(
        "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()\nraise ValueError('redis://:hunter2@h')"
    )
    first, second = (json.loads(line) for line in done.stdout.splitlines()[1:])
    assert done.returncode == 1
    assert (first["event"], first["error"], second["error"]) == ("uncaught", "ZeroDivisionError", "ValueError")
    assert "hunter2" not in done.stdout + done.stderr


def test_a_reader_that_is_gone_costs_lines_not_the_app():
    reading, writing = os.pipe()
    os.close(reading)
    program = PROGRAM.format(
        body="[log.info('lost') for _ in range(3)]\nprint('alive', file=sys.stderr)\n1 / 0"
    ).replace('print("printed")', "")
    with subprocess.Popen([sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        _, told = process.communicate(timeout=60)
    assert told.startswith(b"alive\nTraceback")
    assert told.endswith(b"ZeroDivisionError: division by zero\n")


def test_a_forked_child_writes_although_another_thread_held_the_lock():
    body = """
from twelve_runtime.events import _setup
lock = _setup._current.lines._lock
held, go = threading.Event(), threading.Event()
def hold():
    with lock:
        held.set(); go.wait(20)
threading.Thread(target=hold, daemon=True).start()
held.wait()
sys.stdout.flush()
child = os.fork()
if child == 0:
    log.info("child"); os._exit(0)
print(os.waitpid(child, 0)[1]); go.set()
"""
    lines = ran(body).stdout.splitlines()
    assert json.loads(lines[1])["event"] == "child"
    assert lines[2] == "0"


async def asgi_app(scope, receive, send):
    if scope["path"] == "/fail":
        raise OSError("down")
    events.logger().info("inside")
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def request_asgi(path, headers=()):
    import asyncio

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"token=x", "headers": list(headers)}
    asyncio.run(events.asgi(asgi_app, quiet={"/quiet", "/static/"})(scope, None, send))
    return dict(sent[0]["headers"])


def test_a_request_has_its_id_in_its_lines_and_its_answer(lines):
    events.configure()
    assert request_asgi("/notes", [(b"x-request-id", b"7f1c-trace")])[b"x-request-id"] == b"7f1c-trace"
    inside, request = lines()
    assert inside["request_id"] == request["request_id"] == "7f1c-trace"
    assert (request["event"], request["method"], request["path"], request["status"]) == (
        "request",
        "GET",
        "/notes",
        204,
    )
    assert request["ms"] >= 0


@pytest.mark.parametrize("sent", [b"", b"a b", b"x\ny", b"x" * 200, b"\xe4", b'"><script>'])
def test_an_id_that_could_do_harm_is_replaced(lines, sent):
    events.configure()
    answered = request_asgi("/notes", [(b"x-request-id", sent)])[b"x-request-id"]
    assert answered != sent
    assert len(answered) == 36


def test_quiet_paths_and_failures(lines):
    events.configure()
    request_asgi("/quiet")
    request_asgi("/static/style.css")
    assert [line["event"] for line in lines()] == ["inside", "inside"]
    with pytest.raises(OSError, match="down"):
        request_asgi("/fail")
    (line,) = lines()
    assert (line["level"], line["status"], line["error"]) == ("error", 500, "OSError")


def test_the_same_under_wsgi(lines):
    events.configure()
    closed = []

    class Body(list):
        def close(self):
            closed.append(True)

    def app(environ, start_response):
        start_response("201 Created", [("Content-Type", "text/plain")])
        events.logger().info("inside", id=environ["HTTP_X_REQUEST_ID"])
        return Body([b"x"])

    headers = {}
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/notes", "HTTP_X_REQUEST_ID": "r-9"}
    body = events.wsgi(app)(environ, lambda status, sent: headers.update(sent))
    assert b"".join(body) == b"x"
    body.close()
    inside, request = lines()
    assert inside["id"] == inside["request_id"] == request["request_id"] == headers["X-Request-Id"] == "r-9"
    assert (request["status"], closed, events.request_id()) == (201, [True], "")


@pytest.mark.parametrize(
    ("environ", "answer"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h"}, True),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://h"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_LOGS_EXPORTER": "none"}, False),
        ({"OTEL_LOGS_EXPORTER": "console,otlp"}, True),
    ],
)
def test_when_opentelemetry_is_asked_for(environ, answer):
    assert wanted(environ) is answer


def test_a_line_is_never_lost_to_json():
    assert json.loads(encode(fields({"a": {"b": math.nan}}))) == {"a": {"b": "nan"}}
