"""The command line's entry: runs one command and gives its exit code, whatever happens."""

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
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        _forget_lost_outputs()


def run(argv: Sequence[str] | None) -> int:
    """The exit code of a command line; every error is on stderr by then."""
    try:
        status = cli.main(args=argv, prog_name="twelve", standalone_mode=False)
        if not status:  # what was not heard was not done; a failure has its code already
            sys.stdout.flush()
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - a person never sees a traceback they did not ask for
        return tell(error)
    return status if isinstance(status, int) else 0


def _forget_lost_outputs() -> None:
    """Whoever read them has left (`| head`, a closed terminal): the interpreter flushes at its end, and would fail."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
