"""One try of one health check of app.json, at the start of a process and later: what is wrong, in words, or nothing."""

import http.client
import socket
from collections.abc import Callable, Sequence

from twelve.core.model import HealthCheck

AGENT = "twelve-check/1"

Inside = Callable[[Sequence[str], float], int | None]  # runs a command beside the app: its status, None when too slow


class Checker:
    """Of one life of a process. A `problem` continues a sentence that begins with the process's name."""

    def __init__(self, port: int, host: str, inside: Inside) -> None:
        self._port = port
        self._host = host or "localhost"
        self._inside = inside

    def problem(self, check: HealthCheck) -> str | None:
        """Blocks up to the check's timeout."""
        if check.path is not None:
            return self._ask(check, check.path)
        if check.command:
            return self._run(check)
        return self._connect(check) if check.listening else None

    def _ask(self, check: HealthCheck, path: str) -> str | None:
        """Behind a proxy that took TLS away, so that nobody redirects; not through the front door's log."""
        own = {"Host": self._host, "X-Forwarded-Proto": "https", "User-Agent": AGENT, "Connection": "close"}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=check.timeout)
        try:
            connection.request("GET", path, headers={**own, **dict(check.http_headers)})
            answer = connection.getresponse()
            if not 200 <= answer.status < 400:
                return f"answered {answer.status} to GET {path}"
            if check.content is not None and check.content not in answer.read().decode(errors="replace"):
                return f'answered GET {path} without "{check.content}"'
        except (OSError, http.client.HTTPException):
            return f"did not answer GET {path} within {check.timeout:g} seconds"
        finally:
            connection.close()
        return None

    def _run(self, check: HealthCheck) -> str | None:
        command = " ".join(check.command)
        status = self._inside(check.command, check.timeout)
        if status is None:
            return f"did not finish `{command}` within {check.timeout:g} seconds"
        return f"fails `{command}` with status {status}" if status else None

    def _connect(self, check: HealthCheck) -> str | None:
        try:
            socket.create_connection(("127.0.0.1", self._port), check.timeout).close()
        except OSError:
            return f"does not accept on $PORT ({self._port})"
        return None
