"""The command line's entry: runs one command and gives its exit code, whatever happens."""

import contextlib
import os
import sys
from collections.abc import Sequence

from twelve.faces.cli.group import cli
from twelve.faces.cli.tell import INTERRUPTED, tell

BROKEN_PIPE = 141  # what a shell reports for SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    try:
        return run(argv)
    except BrokenPipeError:
        return _broken_pipe()
    except KeyboardInterrupt:
        return INTERRUPTED


def run(argv: Sequence[str] | None) -> int:
    """The exit code of a command line; every error is on stderr by then."""
    try:
        status = cli.main(args=argv, prog_name="twelve", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - a person never sees a traceback they did not ask for
        return tell(error)
    return status if isinstance(status, int) else 0


def _broken_pipe() -> int:
    """Whoever read our output has left (`| head`): say nothing, also not when the interpreter flushes at its end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE
