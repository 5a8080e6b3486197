"""What a drain does next: try again, drop, wait, and what it says about the messages it lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

from twelve.core.formats import syslog
from twelve.core.formats.syslog import Message
from twelve.core.policy import codes

BUFFER_MESSAGES = 1024
FRAME_BYTES = 102_400
TRIES = 3
STEPS = 10
CONNECT_TIMEOUT = 3.0  # seconds, like the following ones
REQUEST_TIMEOUT = 5.0
IDLE_TIMEOUT = 240.0


class Verdict(Enum):
    DONE = "done"
    DROP = "drop"
    RETRY = "retry"


def verdict(status: int | None, tries: int) -> Verdict:
    """After the answer to the last of so many tries of a frame; None when there was none in time."""
    if status is not None and 200 <= status < 300:
        return Verdict.DONE
    if status is not None and 400 <= status < 500 and status != 429:
        return Verdict.DROP  # the receiver refuses this frame, and will again
    return Verdict.RETRY if tries < TRIES else Verdict.DROP


def delay(step: int) -> float:
    """Seconds until the next try, for a step drawn from 1 to `highest_step`: 0 to 5.11."""
    return 0.01 * (((1 << step) - 1) // 2)


def highest_step(failures_in_a_row: int) -> int:
    return max(1, min(STEPS, failures_in_a_row))


@dataclass(frozen=True, slots=True)
class Losses:
    """How many messages were dropped, and when the first of them was said."""

    count: int = 0
    since: datetime | None = None

    def __add__(self, other: "Losses") -> "Losses":
        begun = [since for since in (self.since, other.since) if since is not None]
        return Losses(self.count + other.count, min(begun, default=None))


NONE = Losses()


def lost(messages: Sequence[Message]) -> Losses:
    return Losses(len(messages), messages[0].stamp) if messages else NONE


def announced(messages: Sequence[Message], losses: Losses, now: datetime) -> Sequence[Message]:
    """The next frame: an L10 message first when something was lost before it."""
    if not losses.count or losses.since is None:
        return messages
    since = losses.since.astimezone(UTC).isoformat(timespec="seconds")
    text = codes.text("L10", count=losses.count, since=since)
    return [Message(syslog.OVERFLOW, now, "heroku", "logplex", text.encode()), *messages]


def refusal(address: IPv4Address | IPv6Address) -> str | None:
    """Why nothing is sent to an address; None when it may be.

    Loopback is allowed, although URLs that people give usually must not lead there: the platform itself listens on
    loopback only, so whoever may add a drain can reach every local port anyway, and a collector on the same machine is
    the most usual receiver there is. Link-local addresses are those of a cloud's metadata service, not of receivers.
    """
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    address = mapped or address
    if address.is_link_local:
        return "a link-local"
    if address.is_unspecified:
        return "no host's"
    if address.is_multicast:
        return "a multicast"
    return None
