"""The one place where an error becomes a sentence on stderr and an exit code."""

import contextlib
import errno
import os

import click

from twelve.core.errors import DiskFull, PlatformError, TwelveError

INTERRUPTED = 130
DEBUG = "TWELVE_DEBUG"


class Told(Exception):
    """A failure whose reason the person has read already: only its exit code is left to say."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def tell(error: Exception) -> int:
    """Tells the person what happened, unless that is done already."""
    match error:
        case click.Abort():
            return _abandoned(error)
        case click.ClickException():
            return _usage(error)
        case TwelveError():
            return _complain(error)
        case Told():
            return error.exit_code
        case OSError():
            return _complain(_refused(error))
        case _:
            return _complain(_unexpected(error))


def _complain(error: TwelveError) -> int:
    if os.environ.get(DEBUG):
        import traceback

        traceback.print_exception(error)
    for line in error.log if _worth_telling(error) else ():
        _say(click.style(f"    {line}", dim=True))
    _say(f"{click.style('twelve:', fg='red')} {error}")
    return error.exit_code


def _say(text: str) -> None:
    """A person whose terminal is gone hears nothing; the exit code stands."""
    with contextlib.suppress(OSError):
        click.echo(text, err=True)


def _worth_telling(error: TwelveError) -> bool:
    """A log of one line that says no more than the sentence does is not."""
    return not (error.where and len(error.log) == 1 and error.log[0].startswith(str(error.where)))


def _abandoned(error: click.Abort) -> int:
    """Ctrl-C, or the end of input where an answer was wanted."""
    if isinstance(error.__cause__, KeyboardInterrupt):
        return INTERRUPTED
    _say("twelve: nothing was confirmed, so nothing was done.")
    return click.UsageError.exit_code


def _usage(error: click.ClickException) -> int:
    context = error.ctx if isinstance(error, click.UsageError) else None
    advice = f" Try `{context.command_path} --help`." if context else ""
    _say(f"{click.style('twelve:', fg='red')} {error.format_message().rstrip('.')}.{advice}")
    return error.exit_code


def _refused(error: OSError) -> TwelveError:
    """What the system did not let us do here, on the client's side."""
    kind = DiskFull if error.errno == errno.ENOSPC else PlatformError
    return kind(f"{error.filename or 'This command'}: {error.strerror or error}.")


def _unexpected(error: Exception) -> TwelveError:
    wrapped = TwelveError(
        f"this is a defect of twelve: {type(error).__name__}: {error}.", hint=f"{DEBUG}=1 shows the traceback."
    )
    wrapped.__cause__ = error
    return wrapped
