"""Signals that end a command, and what it exits with then."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import click

ENDINGS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
TAKING_AWAY = b"\n-----> Taking the throw-away platform away\n"


@contextlib.contextmanager
def taken_away_first() -> Iterator[Callable[[], None]]:
    """The first signal ends what is inside by KeyboardInterrupt, in order; while that lasts, more of them do nothing.

    Gives what is to be called between two steps: a library in the middle of something may have made another error of
    the interrupt, and somebody a result of that. What the caller has ignored, as `nohup` does, stays ignored.
    """
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        if not asked:
            asked.append(number)
            with contextlib.suppress(OSError):  # straight to the descriptor: a stream may be in the middle of a line
                os.write(2, TAKING_AWAY)
            raise KeyboardInterrupt

    def step() -> None:
        if asked:
            raise KeyboardInterrupt

    heard = [number for number in ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, ask) for number in heard}
    try:
        yield step
        step()
    except BaseException:
        if asked:
            raise click.exceptions.Exit(ENDINGS[signal.Signals(asked[0])]) from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
