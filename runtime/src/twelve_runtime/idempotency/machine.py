"""What a claim on a key comes to. Every store asks here, so that all of them mean the same.

free ──claim──▶ Running ──finish──▶ Done ──expires──▶ free
 ▲               │  │ ▲
 └────release────┘  │ └─ claim, when the lease is over and crashed="retry" (a higher token)
 ▲                  └─ abandon, or lease over ──▶ uncertain, when crashed="unknown"
 └──────────── forget ── (a person) ── resolve ──▶ Done
"""

from dataclasses import dataclass
from typing import Literal

from twelve_runtime.idempotency.errors import BadKey

Crashed = Literal["retry", "unknown"]
LONGEST_KEY = 512


@dataclass(frozen=True, slots=True)
class Running:
    """`token` grows with every claim; `until` is when the lease is over, by the store's clock, in seconds."""

    token: int
    fingerprint: str
    until: float


@dataclass(frozen=True, slots=True)
class Done:
    token: int
    fingerprint: str
    answer: bytes
    expires: float


Record = Running | Done | None


@dataclass(frozen=True, slots=True)
class Take:
    """The key is the caller's. `again`: somebody began before and vanished, so the effect may have happened."""

    again: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    answer: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class Mismatch:
    pass


@dataclass(frozen=True, slots=True)
class Uncertain:
    pass


Verdict = Take | Replay | Wait | Mismatch | Uncertain


def claim(record: Record, fingerprint: str, now: float, crashed: Crashed) -> Verdict:
    if record is None or (isinstance(record, Done) and record.expires <= now):
        return Take()
    if record.fingerprint != fingerprint:
        return Mismatch()
    if isinstance(record, Done):
        return Replay(record.answer)
    if record.until > now:
        return Wait(record.until - now)
    return Take(again=True) if crashed == "retry" else Uncertain()


def held(record: Record, token: int) -> bool:
    """Only the latest holder may renew, finish or release; even when its lease is over, as nobody else began."""
    return isinstance(record, Running) and record.token == token


def finished(record: Record, token: int) -> bool:
    """An answer that arrived though its acknowledgement did not: saying it again changes nothing."""
    return isinstance(record, Done) and record.token == token


def checked(key: str) -> str:
    """A key that every store takes as it is."""
    if not key or len(key) > LONGEST_KEY or "\0" in key:
        raise BadKey(f"An idempotency key has 1 to {LONGEST_KEY} characters and no NUL.")
    return key


def uncertain(record: Record, now: float) -> bool:
    """Somebody began, and the lease is over."""
    return isinstance(record, Running) and record.until <= now
