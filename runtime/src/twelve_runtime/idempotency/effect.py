"""What the block of a `with once(...)` gets in hand."""


class Effect:
    """`first`: do it now and set `answer`. Otherwise it has been done, and `answer` is what it said.

    `token` grows with every claim on any key: whoever the effect happens at can refuse one that is lower than what it
    has seen. `again`: a holder before us vanished, so the effect may have happened. `lost`: our lease is over already.
    """

    def __init__(self, key: str, *, token: int = 0, again: bool = False, answer: bytes | None = None) -> None:
        self.key = key
        self.token = token
        self.again = again
        self.lost = False
        self.first = answer is None
        self._answer = answer or b""

    @property
    def answer(self) -> bytes:
        return self._answer

    @answer.setter
    def answer(self, answer: bytes) -> None:
        if not self.first:
            raise RuntimeError("This effect has its answer: ask `first` before doing it again.")
        self._answer = bytes(answer)
