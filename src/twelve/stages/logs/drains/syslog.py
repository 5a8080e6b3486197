"""Delivery by syslog over TCP or TLS. Nobody acknowledges: what the connection took counts as delivered."""

from collections.abc import Sequence
from datetime import UTC, datetime

from twelve.core.formats import syslog
from twelve.core.formats.syslog import Message
from twelve.core.policy import drain as policy
from twelve.core.policy.drain import NONE, Losses
from twelve.stages.logs.drains.connection import Connection

STALL_TIMEOUT = policy.IDLE_TIMEOUT  # a receiver that reads nothing for so long gets a new connection


class SyslogDelivery:
    def __init__(self, connection: Connection, token: str) -> None:
        self._connection = connection
        self._token = token

    def deliver(self, messages: Sequence[Message], losses: Losses) -> Losses:
        """What is still to be announced as lost. A message whose connection broke in its middle is sent again."""
        said = policy.announced(messages, losses, datetime.now(UTC))
        frames = [syslog.tcp(message, self._token) for message in said]
        sent = 0
        while sent < len(frames):
            sent += self._send(frames[sent:])
            if sent < len(frames) and not self._connection.pause():
                break
        announcing = len(said) - len(messages)
        still = losses if sent < announcing else NONE
        return still + policy.lost(messages[max(0, sent - announcing) :])

    def _send(self, frames: Sequence[bytes]) -> int:
        """How many whole frames the connection took before it broke."""
        held = self._connection.ensure()
        if held is None:
            return 0
        held.settimeout(STALL_TIMEOUT)
        data, taken = memoryview(b"".join(frames)), 0
        try:
            while taken < len(data):
                taken += held.send(data[taken:])
        except OSError:
            self._connection.close()
        else:
            self._connection.worked()
        return _whole(frames, taken)


def _whole(frames: Sequence[bytes], taken: int) -> int:
    for number, frame in enumerate(frames):
        taken -= len(frame)
        if taken < 0:
            return number
    return len(frames)
