"""`twelve restart [TYPE | PROCESS]`"""

import click

from twelve.faces.cli.client import Client, segment
from twelve.faces.cli.which_app import app_name, app_option


@click.command("restart")
@click.argument("target", required=False, metavar="[TYPE|PROCESS]")
@app_option
def command(target: str | None, app: str | None) -> None:
    """Restart an app, a process type or one process, without losing a request.

    \b
    Examples:
      twelve restart
      twelve restart worker
      twelve restart web.1
    """
    client = Client.here()
    name = app_name(client, app)
    client.delete(f"/apps/{segment(name)}/{resource(target)}")
    click.echo(f"Restarted {target or name}.")


def resource(target: str | None) -> str:
    """Where the API keeps all processes, those of a type, or one."""
    if target is None:
        return "dynos"
    return f"dynos/{segment(target)}" if "." in target else f"formations/{segment(target)}"
