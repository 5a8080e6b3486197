"""What commands print: tables, JSON, colours. Plain text when nobody watches."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from zlib import crc32

import click

from twelve.core.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])
COLOURS = (
    "cyan",
    "green",
    "yellow",
    "magenta",
    "blue",
    "bright_cyan",
    "bright_green",
    "bright_yellow",
    "bright_magenta",
)
STATES = {
    "up": "green",
    "succeeded": "green",
    "starting": "yellow",
    "pending": "yellow",
    "crashed": "red",
    "failed": "red",
}


def json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print the API's objects as JSON.")(function)


def show_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def show_table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not cells:
        click.echo(empty)
        return
    head, *lines = aligned([list(headers), *cells])
    click.secho(head, bold=True)
    for line, row in zip(lines, cells, strict=True):
        click.echo(coloured(line, row))


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns two blanks apart; the last one is not padded."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def coloured(line: str, row: Sequence[str]) -> str:
    """A row whose state is worth a colour gets it on that word."""
    for cell in row:
        if cell in STATES:
            return line.replace(f"  {cell}", f"  {click.style(cell, fg=STATES[cell])}", 1)
    return line


def ago(stamp: str | None, now: datetime | None = None) -> str:
    """ "2026-01-02T03:04:05Z" as "5m ago"."""
    if not stamp:
        return ""
    seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(stamp)).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit} ago"
    return f"{max(0, int(seconds))}s ago"


def colour_of(name: str) -> str:
    """The same colour for the same process, in every command and on every day."""
    return COLOURS[(crc32(name.encode()) >> 8) % len(COLOURS)]


def confirm_by_name(name: str, given: str | None, what: str) -> None:
    """Destruction wants the name typed, or given with --confirm."""
    if given is None:
        click.echo(what, err=True)
        given = click.prompt(f"Type {name} to confirm", default="", show_default=False, err=True)
    if given != name:
        raise UsageError(f'The confirmation "{given}" is not "{name}", so nothing was done.')
