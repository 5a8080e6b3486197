"""What a place that keeps sessions can do. Times are seconds from now; it forgets by itself what has expired."""

from typing import Protocol


class Store(Protocol):
    def load(self, name: str) -> bytes | None: ...

    def create(self, name: str, data: bytes, seconds: float) -> None: ...

    def update(self, name: str, data: bytes, seconds: float) -> bool:
        """False, and nothing is kept, when it is gone: a request that was under way does not undo a logout."""

    def delete(self, name: str) -> bool:
        """Whether it was there."""
