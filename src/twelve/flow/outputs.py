"""The live text of builds and of the deploys they lead to: written once, followed by any number of readers."""

import threading
from collections.abc import Callable, Iterator, Sequence
from uuid import UUID


class Output:
    """A growing text with an end. Implements the Progress port."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._ended = False
        self._changed = threading.Condition()

    def step(self, text: str) -> None:
        self._write(f"-----> {text}\n")

    def line(self, text: str) -> None:
        self._write(_line(text))

    def error(self, text: str) -> None:
        self._write(f" !     {text}\n")

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def text(self) -> str:
        with self._changed:
            return b"".join(self._chunks).decode(errors="replace")

    def ends_with(self, lines: Sequence[str]) -> bool:
        """Whether these lines are the last that were written."""
        return f"\n{self.text}".endswith("\n" + "".join(map(_line, lines)))

    def follow(self) -> Iterator[bytes]:
        position = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda at=position: self._ended or len(self._chunks) > at)  # type: ignore[misc]  # mypy has no types for a lambda's default
                fresh, position = self._chunks[position:], len(self._chunks)
                ended = self._ended
            yield from fresh
            if ended and not fresh:
                return

    def _write(self, text: str) -> None:
        with self._changed:
            self._chunks.append(text.encode(errors="replace"))
            self._changed.notify_all()


def _line(text: str) -> str:
    return f"       {text}\n" if text else "\n"


class Outputs:
    """`stored` gives the text of something that ended before this server started."""

    def __init__(self, stored: Callable[[UUID], str]) -> None:
        self._stored = stored
        self._live: dict[UUID, Output] = {}
        self._lock = threading.Lock()

    def open(self, owner: UUID) -> Output:
        output = Output()
        with self._lock:
            self._live[owner] = output
        return output

    def close(self, owner: UUID) -> None:
        """Its text has been stored: readers that follow now finish, later ones get the stored text."""
        with self._lock:
            output = self._live.pop(owner, None)
        if output is not None:
            output.end()

    def follow(self, owner: UUID) -> Iterator[bytes]:
        with self._lock:
            output = self._live.get(owner)
        if output is None:
            yield self._stored(owner).encode()
        else:
            yield from output.follow()
