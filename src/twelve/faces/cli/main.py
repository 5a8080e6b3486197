"""The command line's entry: the one place where an error becomes a sentence and an exit code."""

import contextlib
import os
import sys
from collections.abc import Sequence

import click

from twelve.core.errors import TwelveError
from twelve.faces.cli.group import cli
from twelve.faces.cli.told import Told

INTERRUPTED = 130
DEBUG = "TWELVE_DEBUG"


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
        return exit_code(error)
    return status if isinstance(status, int) else 0


def exit_code(error: Exception) -> int:
    """Tells the person what happened, unless that is done already."""
    match error:
        case click.Abort():
            return _abandoned(error)
        case click.ClickException():
            return _usage(error)
        case TwelveError():
            return complain(error)
        case Told():
            return error.exit_code
        case _:
            return complain(_unexpected(error))


def complain(error: TwelveError) -> int:
    if os.environ.get(DEBUG):
        import traceback

        traceback.print_exception(error)
    for line in error.log:
        click.secho(f"    {line}", err=True, dim=True)
    click.echo(f"{click.style('twelve:', fg='red')} {error}", err=True)
    return error.exit_code


def _abandoned(error: click.Abort) -> int:
    """Ctrl-C, or the end of input where an answer was wanted."""
    if isinstance(error.__cause__, KeyboardInterrupt):
        return INTERRUPTED
    click.echo("twelve: nothing was confirmed, so nothing was done.", err=True)
    return click.UsageError.exit_code


def _usage(error: click.ClickException) -> int:
    context = error.ctx if isinstance(error, click.UsageError) else None
    advice = f" Try `{context.command_path} --help`." if context else ""
    click.echo(f"{click.style('twelve:', fg='red')} {error.format_message().rstrip('.')}.{advice}", err=True)
    return error.exit_code


def _unexpected(error: Exception) -> TwelveError:
    wrapped = TwelveError(
        f"this is a defect of twelve: {type(error).__name__}: {error}.", hint=f"{DEBUG}=1 shows the traceback."
    )
    wrapped.__cause__ = error
    return wrapped


def _broken_pipe() -> int:
    """Whoever read our output has left (`| head`): say nothing, also not when the interpreter flushes at its end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141
