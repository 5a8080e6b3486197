"""Heroku's codes: H for a request, R for a process, L for the log stream, with their exact texts."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RouterCode:
    """What a router line says. `status` is the client's, None when it got no answer; `sock` is who broke off."""

    desc: str
    at: str = "error"
    status: int | None = 503
    sock: str = ""


H: Mapping[str, RouterCode] = {
    "H10": RouterCode("App crashed"),
    "H11": RouterCode("Backlog too deep"),
    "H12": RouterCode("Request timeout"),
    "H13": RouterCode("Connection closed without response"),
    "H14": RouterCode("No web processes running"),
    "H15": RouterCode("Idle connection"),
    "H17": RouterCode("Poorly formatted HTTP response"),
    "H18": RouterCode("Server Request Interrupted", sock="backend"),
    "H19": RouterCode("Backend connection timeout"),
    "H20": RouterCode("App boot timeout"),
    "H21": RouterCode("Backend connection refused"),
    "H24": RouterCode("Forced close", status=None),
    "H26": RouterCode("Request Error", status=400),
    "H27": RouterCode("Client Request Interrupted", at="warning", status=499, sock="client"),
    "H28": RouterCode("Client Connection Idle", at="warning", status=499),
    "H31": RouterCode("Misdirected Request", status=421),
    "H80": RouterCode("Maintenance mode", at="info"),
    "H81": RouterCode("Blank app", at="info"),
    "H99": RouterCode("Platform error"),
}

R: Mapping[str, str] = {
    "R10": "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within {seconds:g} seconds of launch",
    "R12": ("Error R12 (Exit timeout) -> At least one process failed to exit within {seconds:g} seconds of SIGTERM"),
    "R13": "Error R13 (Attach error) -> Failed to attach to process",
    "R14": "Error R14 (Memory quota exceeded)",
    "R15": "Error R15 (Memory quota vastly exceeded)",
    "R16": (
        "Error R16 (Detached) -> An attached process is not responding to SIGHUP "
        "after its external connection was closed."
    ),
    "R17": (  # "does match" is how the original reads
        "Error R17 (Checksum error) -> Checksum does match expected value. "
        "Expected: SHA256:{expected} Actual: SHA256:{actual}"
    ),
    "R99": "Error R99 (Platform error) -> {detail}",
}

L: Mapping[str, str] = {
    "L10": "Error L10 (output buffer overflow): {count} messages dropped since {since}.",
    "L11": "L11 (Tail buffer overflow) -> This tail session dropped {count} messages since {since}",
    "L12": "Error L12: {count} messages dropped since {since}.",
    "L13": "Error L13: {count} messages lost since {since}.",
    "L14": 'Error L14 (certificate validation): error="{error}" uri="{uri}"',
}

# A type without a port that does not pass its checks in time: the code of R10 in words that are true for it.
CHECKS_TIMEOUT = "Error R10 (Boot timeout) -> Process failed its startup checks within {seconds:g} seconds of launch"


def text(code: str, **values: float | str) -> str:
    """The line of an R or L code, its blanks filled in; `since` is whole seconds with +00:00."""
    return {**R, **L}[code].format(**values)
