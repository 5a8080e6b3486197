import os
import signal

import pytest

from twelve.core.policy import codes, exits


@pytest.mark.parametrize(
    ("code", "values", "text"),
    [
        (
            "R10",
            {"seconds": 60.0},
            "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 60 seconds of launch",
        ),
        (
            "R12",
            {"seconds": 30},
            "Error R12 (Exit timeout) -> At least one process failed to exit within 30 seconds of SIGTERM",
        ),
        ("R13", {}, "Error R13 (Attach error) -> Failed to attach to process"),
        ("R14", {}, "Error R14 (Memory quota exceeded)"),
        ("R15", {}, "Error R15 (Memory quota vastly exceeded)"),
        (
            "R16",
            {},
            "Error R16 (Detached) -> An attached process is not responding to SIGHUP after its external connection was closed.",
        ),
        ("R99", {"detail": "no socket"}, "Error R99 (Platform error) -> no socket"),
        (
            "L10",
            {"count": 3, "since": "2013-04-17T19:04:46+00:00"},
            "Error L10 (output buffer overflow): 3 messages dropped since 2013-04-17T19:04:46+00:00.",
        ),
        (
            "L11",
            {"count": 3, "since": "2013-04-17T19:04:46+00:00"},
            "L11 (Tail buffer overflow) -> This tail session dropped 3 messages since 2013-04-17T19:04:46+00:00",
        ),
        (
            "L14",
            {"error": "bad certificate", "uri": "syslog+tls://logs.example.com:6514/"},
            'Error L14 (certificate validation): error="bad certificate" uri="syslog+tls://logs.example.com:6514/"',
        ),
    ],
)
def test_exact_texts(code, values, text):
    assert codes.text(code, **values) == text


@pytest.mark.parametrize(
    ("code", "desc", "at", "status"),
    [
        ("H10", "App crashed", "error", 503),
        ("H24", "Forced close", "error", None),
        ("H27", "Client Request Interrupted", "warning", 499),
        ("H31", "Misdirected Request", "error", 421),
        ("H80", "Maintenance mode", "info", 503),
    ],
)
def test_router_codes(code, desc, at, status):
    found = codes.H[code]
    assert (found.desc, found.at, found.status) == (desc, at, status)


@pytest.mark.parametrize(("returncode", "status"), [(0, 0), (3, 3), (-signal.SIGTERM, 143), (-signal.SIGKILL, 137)])
def test_status_as_the_shell_tells_it(returncode, status):
    assert exits.from_returncode(returncode) == status


@pytest.mark.parametrize(("ending", "status"), [("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)])
def test_status_of_a_real_process(ending, status):
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", ending], {})
    assert exits.from_wait(os.waitpid(pid, 0)[1]) == status


@pytest.mark.parametrize(
    ("status", "text"), [(0, "0"), (1, "1"), (137, "137 (SIGKILL)"), (143, "143 (SIGTERM)"), (255, "255")]
)
def test_status_in_words(status, text):
    assert exits.described(status) == text
