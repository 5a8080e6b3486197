"""Delivery by HTTP and HTTPS: a frame a request, the same at every try, so that receivers can tell repeats."""

import base64
import contextlib
import http.client
import secrets
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from twelve.core.formats import syslog
from twelve.core.formats.drain_url import DrainUrl
from twelve.core.formats.syslog import Message
from twelve.core.policy import drain as policy
from twelve.core.policy.drain import NONE, Losses, Verdict
from twelve.stages.logs.drains.connection import Connection

ANSWER_BYTES = 1 << 16  # of an answer's body are read, to use the connection again


class Form(Protocol):
    """How messages are written into a request. `headers` belong to every one, `about` to this one and its repeats."""

    @property
    def headers(self) -> Mapping[str, str]: ...
    def body(self, messages: Sequence[Message]) -> bytes: ...
    def about(self, messages: Sequence[Message]) -> Mapping[str, str]: ...


class Logplex:
    """Heroku's own form."""

    def __init__(self, token: str, version: str) -> None:
        self.headers = {
            "Content-Type": "application/logplex-1",
            "User-Agent": f"Logplex/v1 twelve/{version}",
            "Logplex-Drain-Token": token,
        }

    def body(self, messages: Sequence[Message]) -> bytes:
        return syslog.http_body(messages)

    def about(self, messages: Sequence[Message]) -> Mapping[str, str]:
        return {"Logplex-Msg-Count": str(len(messages)), "Logplex-Frame-Id": secrets.token_hex(16)}


class HttpDelivery:
    def __init__(self, connection: Connection, form: Form) -> None:
        self._connection = connection
        self._url = connection.url
        self._form = form
        self._headers = {
            "Host": self._url.authority,
            **form.headers,
            **_basic_auth(self._url),
            **dict(self._url.headers),
        }

    def deliver(self, messages: Sequence[Message], losses: Losses) -> Losses:
        """What is still to be announced as lost: nothing once the frame has arrived."""
        frame = policy.announced(messages, losses, datetime.now(UTC))
        body, headers, tries = self._form.body(frame), self._form.about(frame), 0
        while (held := self._connection.ensure()) is not None:
            tries += 1
            verdict = policy.verdict(self._post(held, body, headers), tries)
            if verdict is Verdict.DONE:
                self._connection.worked()
                return NONE
            if not self._connection.pause() or verdict is Verdict.DROP:
                break
        return losses + policy.lost(messages)

    def _post(self, held: socket.socket, body: bytes, headers: Mapping[str, str]) -> int | None:
        """The answer's status; None when there was none in time."""
        held.settimeout(policy.REQUEST_TIMEOUT)
        request = http.client.HTTPConnection(self._url.host, self._url.port)
        request.sock, request.auto_open = held, 0
        try:
            request.request("POST", self._url.target, body, {**self._headers, **headers})
            answer = request.getresponse()
            status, reusable = answer.status, _is_read_whole(answer)
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return None
        if not reusable:
            self._connection.close()
        return status


def _is_read_whole(answer: http.client.HTTPResponse) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        answer.read(ANSWER_BYTES)
    return answer.isclosed() and not answer.will_close


def _basic_auth(url: DrainUrl) -> dict[str, str]:
    if url.user is None:
        return {}
    pair = f"{url.user}:{url.password}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
