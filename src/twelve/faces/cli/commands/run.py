"""`twelve run COMMAND`"""

import os
import shlex
import sys
from typing import Any

import click

from twelve.faces.cli.client import Client
from twelve.faces.cli.pairs import read_pairs
from twelve.faces.cli.screen import terminal_size
from twelve.faces.cli.which_app import app_option, app_path


@click.command("run", context_settings={"allow_interspersed_args": False})
@click.argument("words", nargs=-1, required=True, metavar="COMMAND...")
@click.option("--detach", "-d", is_flag=True, help="Return at once; the output goes to the log.")
@click.option("--env", "-e", "pairs", multiple=True, metavar="KEY=VALUE", help="A variable of this process only.")
@click.option("--size", metavar="SIZE", help="Its size: standard-1x, standard-2x ...")
@click.option("--no-tty", is_flag=True, help="No terminal, also when there is one.")
@app_option
@click.pass_context
def command(
    ctx: click.Context,
    words: tuple[str, ...],
    detach: bool,
    pairs: tuple[str, ...],
    size: str | None,
    no_tty: bool,
    app: str | None,
) -> None:
    """Run a one-off command in the app's release and environment; its exit code becomes ours.

    One word is a line for the shell; several are taken as they are. Options of twelve come before the command.

    \b
    Examples:
      twelve run bash
      twelve run -- python manage.py migrate --noinput
      twelve run 'echo "$DATABASE_URL" | cut -c1-11'
      twelve run --detach ./import.sh
    """
    client = Client.here()
    terminal = not (detach or no_tty) and sys.stdin.isatty() and sys.stdout.isatty()
    body: dict[str, Any] = {
        "command": shell_line(words),
        "attach": not detach,
        "env": {**(terminal_environment() if terminal else {}), **read_pairs(pairs)},
        "force_no_tty": not terminal,
        **({"size": size} if size else {}),
    }
    process = client.post(f"{app_path(client, app)}/dynos", body)
    if detach:
        click.echo(f"{process['name']} runs; its output is in `twelve logs --ps {process['name']}`.")
        return
    from twelve.faces.cli.attach import attach

    ctx.exit(attach(client, process["attach_url"], terminal=terminal))


def shell_line(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else shlex.join(words)


def terminal_environment() -> dict[str, str]:
    size = terminal_size()
    return {"TERM": os.environ.get("TERM", "xterm"), "COLUMNS": str(size.columns), "LINES": str(size.lines)}
