"""Signals that end a command, and what it exits with then."""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

import click

ENDINGS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
TAKING_AWAY = b"\n-----> Taking the throw-away platform away\n"


@contextlib.contextmanager
def taken_away_first() -> Iterator[None]:
    """The first signal ends what is inside by KeyboardInterrupt, in order; while that lasts, more of them do nothing.

    What the caller has ignored, as `nohup` does, stays ignored.
    """
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        if not asked:
            asked.append(number)
            with contextlib.suppress(OSError):  # straight to the descriptor: a stream may be in the middle of a line
                os.write(2, TAKING_AWAY)
            raise KeyboardInterrupt

    heard = [number for number in ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, ask) for number in heard}
    try:
        yield
    except KeyboardInterrupt:
        raise click.exceptions.Exit(ENDINGS[signal.Signals(asked[0])] if asked else ENDINGS[signal.SIGINT]) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
