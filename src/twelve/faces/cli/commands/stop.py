"""`twelve stop [TYPE | PROCESS]`"""

import click

from twelve.faces.cli.client import Client, segment
from twelve.faces.cli.commands.restart import resource
from twelve.faces.cli.which_app import app_name, app_option


@click.command("stop")
@click.argument("target", required=False, metavar="[TYPE|PROCESS]")
@app_option
def command(target: str | None, app: str | None) -> None:
    """Stop an app, or one of its processes.

    An app that was stopped keeps its formation; `twelve start` brings it back. A process of the formation that was
    stopped is started again; `twelve scale` makes fewer of them.

    \b
    Examples:
      twelve stop
      twelve stop run.4821
    """
    client = Client.here()
    name = app_name(client, app)
    path = f"/apps/{segment(name)}"
    client.post(f"{path}/{resource(target)}/actions/stop" if target else f"{path}/actions/stop")
    click.echo(f"Stopped {target or name}.")
