"""A terminal that is drawn again and again: its own screen, keys without Enter, and everything as before at the end."""

import contextlib
import os
import select
import shutil
import signal
import sys
import termios
import time
import tty
from collections.abc import Iterator, Sequence
from types import FrameType

import click

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
HOME, CLEAR_LINE, CLEAR_REST = "\x1b[H", "\x1b[K", "\x1b[J"
ENDS = {b"q", b"Q", b"\x1b", b"\x03", b"\x04"}


def terminal_size() -> os.terminal_size:
    """As it is now; COLUMNS and LINES, which say how it once was, only where there is no terminal."""
    for stream in filter(None, (sys.__stdout__, sys.__stdin__)):
        with contextlib.suppress(ValueError, OSError):  # none, closed, no terminal
            if all(size := os.get_terminal_size(stream.fileno())):
                return size
    return shutil.get_terminal_size()


class Screen:
    """`resized` is set by the terminal's signal: whoever waits is woken, and draws again."""

    def __init__(self, wake: int) -> None:
        self._wake = wake
        self._colour = not os.environ.get("NO_COLOR")

    def size(self) -> os.terminal_size:
        return terminal_size()

    def draw(self, lines: Sequence[str]) -> None:
        """As many as fit; what does not is told in the last line."""
        height = self.size().lines
        if len(lines) > height:
            lines = [*lines[: height - 1], f"... and {len(lines) - height + 1} more lines"]
        text = (CLEAR_LINE + "\r\n").join(line if self._colour else click.unstyle(line) for line in lines)
        sys.stdout.write(HOME + text + CLEAR_LINE + CLEAR_REST)
        sys.stdout.flush()

    def wait(self, seconds: float) -> str:
        """What ended the wait: "end" (a key that means it), "resized", or "" when the time is over."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            ready, _, _ = select.select([sys.stdin, self._wake], [], [], left)
            if self._wake in ready:
                os.read(self._wake, 64)
                return "resized"
            if sys.stdin in ready:
                key = os.read(sys.stdin.fileno(), 64)
                if not key or key in ENDS:
                    return "end"
        return ""


@contextlib.contextmanager
def taken() -> Iterator[Screen]:
    """The terminal for the length of the block."""
    before = termios.tcgetattr(sys.stdin)
    with _resizes() as wake:
        try:
            tty.setcbreak(sys.stdin)
            sys.stdout.write(ENTER)
            yield Screen(wake)
        finally:
            sys.stdout.write(LEAVE)
            sys.stdout.flush()
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _resizes() -> Iterator[int]:
    """A descriptor that can be read after the terminal changed its size."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def told(_number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(writer, b".")

    before = signal.signal(signal.SIGWINCH, told)
    try:
        yield reader
    finally:
        signal.signal(signal.SIGWINCH, before)
        os.close(reader)
        os.close(writer)
