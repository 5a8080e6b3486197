"""`twelve logs`"""

import sys

import click

from twelve.faces.cli.client import Client
from twelve.faces.cli.log_stream import Wanted, as_json, open_log, read_log, shown
from twelve.faces.cli.which_app import app_option, app_path


@click.command("logs")
@click.option(
    "--num", "-n", "lines", type=click.IntRange(1), default=100, show_default=True, help="How many lines of history."
)
@click.option("--tail", "-t", is_flag=True, help="Go on with what comes next.")
@click.option("--ps", "process", metavar="PROCESS", help="Only a process (web.1) or a process type (web).")
@click.option(
    "--source",
    type=click.Choice(["app", "router", "platform"]),
    help="Only what the app, the router or the platform says.",
)
@click.option("--json", "json_lines", is_flag=True, help="One JSON object a line.")
@app_option
def command(lines: int, tail: bool, process: str | None, source: str | None, json_lines: bool, app: str | None) -> None:
    """Show what the app and the platform print, merged in order.

    \b
    Examples:
      twelve logs -n 20
      twelve logs --tail --ps web
      twelve logs --source router --json
    """
    client = Client.here()
    wanted = Wanted(lines, tail, process, source)
    url = open_log(client, app_path(client, app), wanted)
    form = as_json if json_lines else shown
    for text in read_log(client, url, wanted):
        click.echo(form(text))
        sys.stdout.flush()
