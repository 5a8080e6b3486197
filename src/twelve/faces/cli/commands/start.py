"""`twelve start`"""

import click

from twelve.faces.cli.client import Client, segment
from twelve.faces.cli.which_app import app_name, app_option


@click.command("start")
@app_option
def command(app: str | None) -> None:
    """Start an app that was stopped, with the formation it had.

    \b
    Examples:
      twelve start -a notes
    """
    client = Client.here()
    name = app_name(client, app)
    client.post(f"/apps/{segment(name)}/actions/start")
    click.echo(f"Started {name}.")
