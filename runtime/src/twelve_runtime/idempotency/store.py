"""What a place that keeps leases can do. Its clock judges all of them; a holder is known by its token."""

from typing import Protocol

from twelve_runtime.idempotency.machine import Crashed, Record, Verdict


class Store(Protocol):
    def claim(self, key: str, fingerprint: str, lease: float, crashed: Crashed) -> tuple[Verdict, int]:
        """The verdict, and our token when it is Take. Then the key is ours for `lease` seconds."""

    def renew(self, key: str, token: int, lease: float) -> bool:
        """False when it is no longer ours. A lease of 0 gives the key up without saying what became of the effect."""

    def finish(self, key: str, token: int, answer: bytes, expires: float) -> bool:
        """False, and nothing is kept, when it is no longer ours."""

    def release(self, key: str, token: int) -> bool:
        """The effect did not happen: the key is free."""

    def read(self, key: str) -> Record:
        """What is kept, for a person who looks."""

    def uncertain(self, most: int) -> list[str]:
        """Keys whose holders vanished, for a person who looks."""

    def resolve(self, key: str, answer: bytes | None, expires: float) -> bool:
        """A person decides about an uncertain key: it happened, with this answer; or it did not (None)."""
